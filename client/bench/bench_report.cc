#include "client/bench/bench_report.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace kappa::bench {

namespace {

using Json = nlohmann::ordered_json;

Json Ratio(double part, double whole) {
  return whole > 0 ? Json(part / whole) : Json();
}

Json Quantile(const LatencyHistogram& latency, double q) {
  if (latency.count() == 0) return Json();
  return static_cast<double>(latency.QuantileUs(q)) / 1000;
}

}  // namespace

Json BenchReport::ToJson() const {
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  Json json;
  json["bench"] = kind;
  json["records_per_s"] = Ratio(static_cast<double>(records), seconds);
  json["mb_per_s"] = Ratio(static_cast<double>(bytes) / 1e6, seconds);
  json["p50_ms"] = Quantile(latency, 0.5);
  json["p99_ms"] = Quantile(latency, 0.99);
  json["p999_ms"] = Quantile(latency, 0.999);
  json["server_cpu_s_per_gb"] = nullptr;
  json["client_cpu_s_per_gb"] = Ratio(client_cpu_s, gigabytes);
  json["errors"] = errors;
  json["records"] = records;
  json["seconds"] = seconds;
  json["disk_bytes_per_byte"] = nullptr;
  json["server_rss_max_mb"] = nullptr;
  json["server_rss_idle_mb"] = nullptr;
  if (server_begin && server_end) {
    json["server_cpu_s_per_gb"] =
        Ratio(server_end->cpu_s - server_begin->cpu_s, gigabytes);
    json["disk_bytes_per_byte"] =
        Ratio(static_cast<double>(server_end->written_bytes -
                                  server_begin->written_bytes),
              static_cast<double>(bytes));
    json["server_rss_max_mb"] =
        static_cast<double>(server_end->rss_max_bytes) / 1e6;
  }
  if (server_rss_idle_bytes) {
    json["server_rss_idle_mb"] =
        static_cast<double>(*server_rss_idle_bytes) / 1e6;
  }
  json["settings"] = settings;
  return json;
}

std::string BenchReport::ToText() const {
  std::string text;
  const Json json = ToJson();
  for (const auto& [name, value] : json.items()) {
    if (name == "settings") continue;
    std::string shown = value.is_null() ? "-" : value.dump();
    if (value.is_string()) shown = value.get<std::string>();
    if (value.is_number_float()) {
      shown = absl::StrFormat("%.3f", value.get<double>());
    }
    absl::StrAppendFormat(&text, "%-20s  %s\n", name, shown);
  }
  for (const auto& [name, value] : settings.items()) {
    absl::StrAppendFormat(
        &text, "  %-18s  %s\n", name,
        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

}  // namespace kappa::bench
