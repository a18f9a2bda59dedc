#include "server/logging.h"

#include <unistd.h>

#include <atomic>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "proto/wire/string_view.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace kappa::server {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%d %H:%M:%S.%e %-7l %v";
constexpr char kJsonPattern[] =
    R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})";

std::atomic<bool> g_json{false};

std::shared_ptr<spdlog::logger> MakeLogger(bool json, LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>(
      "kappad", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(
      json ? kJsonPattern : kTextPattern,
      json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  switch (level) {
    case LogLevel::kDebug:
      logger->set_level(spdlog::level::debug);
      break;
    case LogLevel::kInfo:
      logger->set_level(spdlog::level::info);
      break;
    case LogLevel::kWarning:
      logger->set_level(spdlog::level::warn);
      break;
    case LogLevel::kError:
      logger->set_level(spdlog::level::err);
      break;
  }
  logger->flush_on(spdlog::level::info);
  return logger;
}

// The one of StartLogging, or one with the defaults.
spdlog::logger* Logger() {
  static const bool made = [] {
    if (spdlog::get("kappad") == nullptr) {
      spdlog::set_default_logger(MakeLogger(false, LogLevel::kInfo));
    }
    return true;
  }();
  static_cast<void>(made);
  return spdlog::default_logger_raw();
}

void Log(spdlog::level::level_enum level, std::string_view event,
         LogFields fields) {
  spdlog::logger* logger = Logger();
  if (!logger->should_log(level)) return;
  const std::string line = g_json.load(std::memory_order_relaxed)
                               ? FormatJson(event, fields)
                               : FormatText(event, fields);
  logger->log(level, spdlog::string_view_t(line));
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() ||
         value.find_first_of(" \t\"\\\n=") != std::string_view::npos;
}

// A JSON string, quotes included; bytes that are not UTF-8 are replaced.
std::string JsonString(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<LogFormat> ParseLogFormat(std::string_view name) {
  if (name == "auto") return LogFormat::kAuto;
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError("must be auto, text or json");
}

absl::StatusOr<LogLevel> ParseLogLevel(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return absl::InvalidArgumentError("must be debug, info, warning or error");
}

void StartLogging(LogFormat format, LogLevel level) {
  const bool json = format == LogFormat::kJson ||
                    (format == LogFormat::kAuto && isatty(STDERR_FILENO) == 0);
  g_json.store(json);
  spdlog::set_default_logger(MakeLogger(json, level));
}

void LogDebug(std::string_view event, LogFields fields) {
  Log(spdlog::level::debug, event, fields);
}
void LogInfo(std::string_view event, LogFields fields) {
  Log(spdlog::level::info, event, fields);
}
void LogWarning(std::string_view event, LogFields fields) {
  Log(spdlog::level::warn, event, fields);
}
void LogError(std::string_view event, LogFields fields) {
  Log(spdlog::level::err, event, fields);
}

std::string FormatText(std::string_view event, LogFields fields) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", ToAbsl(key), "=");
    if (NeedsQuotes(value)) {
      absl::StrAppend(&line, "\"", absl::CEscape(value), "\"");
    } else {
      absl::StrAppend(&line, value);
    }
  }
  return line;
}

std::string FormatJson(std::string_view event, LogFields fields) {
  std::string line = absl::StrCat("\"event\":", JsonString(event));
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, ",", JsonString(key), ":", JsonString(value));
  }
  return line;
}

}  // namespace kappa::server
