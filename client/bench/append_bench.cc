#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/bench/bench.h"
#include "client/bench/bulk_append.h"

namespace kappa::bench {

namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(20);

// Waits, but not beyond a stop or the end of the appending threads.
void WaitFor(absl::Duration time, const BenchOptions& options,
             const BulkAppend& append) {
  const absl::Time end = absl::Now() + time;
  while (absl::Now() < end && !append.done() &&
         !(options.stop_requested && options.stop_requested())) {
    absl::SleepFor(std::min(kPoll, end - absl::Now()));
  }
}

}  // namespace

absl::StatusOr<BenchReport> RunAppendBench(const BenchOptions& options) {
  absl::StatusOr<BenchSetup> setup = SetUpBench(options);
  if (!setup.ok()) return setup.status();
  BenchReport report = BeginReport("append", options, *setup);
  BulkAppend append(options, setup->client, /*records_max=*/0);
  WaitFor(options.warm_up, options, append);
  append.ClearLatency();
  const BulkCounts begin = append.Counts();
  const absl::Time begin_time = absl::Now();
  const double begin_cpu_s = OwnCpuSeconds();
  report.server_begin = setup->server->Usage();

  WaitFor(options.duration, options, append);
  const BulkCounts end = append.Counts();
  report.seconds = absl::ToDoubleSeconds(absl::Now() - begin_time);
  report.client_cpu_s = OwnCpuSeconds() - begin_cpu_s;
  report.server_end = setup->server->Usage();
  report.records = end.records - begin.records;
  report.bytes = report.records * options.record_bytes;
  report.latency = end.latency;
  const absl::Status status = append.Finish(/*stop_early=*/true);
  report.errors = append.Counts().errors;
  if (!status.ok()) return status;
  return report;
}

}  // namespace kappa::bench
