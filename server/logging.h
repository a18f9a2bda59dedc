// The program's log: one line per event, text on a terminal, else JSON. Facts
// are fields, never payload bytes.
//
//   LogInfo("serving", {{"address", "127.0.0.1:7400"}});
#ifndef KAPPA_SERVER_LOGGING_H_
#define KAPPA_SERVER_LOGGING_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace kappa::server {

enum class LogFormat { kAuto, kText, kJson };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "auto", "text", "json"; "debug", "info", "warning", "error".
// Errors: INVALID_ARGUMENT naming the choices.
absl::StatusOr<LogFormat> ParseLogFormat(std::string_view name);
absl::StatusOr<LogLevel> ParseLogLevel(std::string_view name);

// Directs the log to standard error. kAuto: text when that is a terminal.
void StartLogging(LogFormat format, LogLevel level);

using LogFields =
    std::initializer_list<std::pair<std::string_view, std::string>>;

// Thread safety: thread-safe. Before StartLogging: text, level info.
void LogDebug(std::string_view event, LogFields fields = {});
void LogInfo(std::string_view event, LogFields fields = {});
void LogWarning(std::string_view event, LogFields fields = {});
// Written out before it returns.
void LogError(std::string_view event, LogFields fields = {});

// The middle of a line: `event key=value ...`, values quoted where needed; and
// `"event":"...","key":"..."`, escaped as JSON.
std::string FormatText(std::string_view event, LogFields fields);
std::string FormatJson(std::string_view event, LogFields fields);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOGGING_H_
