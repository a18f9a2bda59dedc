// BenchReport: the figures of one measurement, as a table or JSON.
#ifndef KAPPA_CLIENT_BENCH_BENCH_REPORT_H_
#define KAPPA_CLIENT_BENCH_BENCH_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "client/bench/latency_histogram.h"
#include "client/bench/process_usage.h"
#include "nlohmann/json.hpp"

namespace kappa::bench {

// What a measurement counted, between its first and last second.
struct BenchReport {
  std::string kind;  // "append", "latency", "replay"
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
  double seconds = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;  // of record values
  LatencyHistogram latency;
  uint64_t errors = 0;
  // CPU of this process over the same time.
  double client_cpu_s = 0;
  // Of the server at both ends; absent for one that runs elsewhere.
  std::optional<ProcessUsage> server_begin;
  std::optional<ProcessUsage> server_end;
  // Resident before anything was asked of it.
  std::optional<uint64_t> server_rss_idle_bytes;

  // {"records_per_s", "mb_per_s" (10^6 bytes), "p50_ms", "p99_ms", "p999_ms",
  // "server_cpu_s_per_gb", "client_cpu_s_per_gb", "errors", ...}. A figure that
  // is not known is null.
  nlohmann::ordered_json ToJson() const;
  // The same for a person.
  std::string ToText() const;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_BENCH_REPORT_H_
