#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/bench/bench.h"
#include "client/bench/bulk_append.h"
#include "client/cpp/topic_replay.h"

namespace kappa::bench {

namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(20);

// What one reader saw.
struct ReaderResult {
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t looked_at = 0;  // keeps the compiler from leaving the looking out
  absl::Status status;
};

void ReadAll(const BenchOptions& options, const std::string& address,
             ReaderResult* result) {
  auto client =
      client::Client::Connect({.seeds = address, .tls = options.server.tls});
  if (!client.ok()) {
    result->status = client.status();
    return;
  }
  auto replay = client::TopicReplay::Start(
      *client, {.topic = options.topic, .stop = client::ReplayPosition::End()});
  if (!replay.ok()) {
    result->status = replay.status();
    return;
  }
  result->status = (*replay)->ForEach([&](const client::ReplayRecord& record) {
    const std::string_view value = record.value.value_or("");
    ++result->records;
    result->bytes += value.size();
    if (!value.empty()) {
      result->looked_at += static_cast<unsigned char>(value.front()) ^
                           static_cast<unsigned char>(value.back());
    }
    return !(options.stop_requested && result->records % 4096 == 0 &&
             options.stop_requested());
  });
}

absl::Status Fill(const BenchOptions& options, const BenchSetup& setup,
                  uint64_t* records) {
  *records =
      (options.replay_bytes + options.record_bytes - 1) / options.record_bytes;
  BulkAppend append(options, setup.client, *records);
  bool stopped = false;
  while (!append.done() && !stopped) {
    stopped = options.stop_requested && options.stop_requested();
    absl::SleepFor(kPoll);
  }
  const absl::Status status = append.Finish(/*stop_early=*/stopped);
  *records = append.Counts().records;
  return status;
}

}  // namespace

absl::StatusOr<BenchReport> RunReplayBench(const BenchOptions& options) {
  absl::StatusOr<BenchSetup> setup = SetUpBench(options);
  if (!setup.ok()) return setup.status();
  uint64_t appended = 0;
  if (!options.existing_topic) {
    const absl::Status filled = Fill(options, *setup, &appended);
    if (!filled.ok()) return filled;
  }
  BenchReport report = BeginReport("replay", options, *setup);
  report.server_begin = setup->server->Usage();
  const double cpu_s = OwnCpuSeconds();
  const absl::Time begin = absl::Now();
  std::vector<ReaderResult> results(options.readers);
  std::vector<std::thread> threads;
  for (ReaderResult& result : results) {
    threads.emplace_back([&options, &setup, &result] {
      ReadAll(options, setup->server->address(), &result);
    });
  }
  for (std::thread& thread : threads) thread.join();
  report.seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  report.client_cpu_s = OwnCpuSeconds() - cpu_s;
  report.server_end = setup->server->Usage();
  uint64_t looked_at = 0;
  for (const ReaderResult& result : results) {
    if (!result.status.ok()) return result.status;
    report.records += result.records;
    report.bytes += result.bytes;
    looked_at += result.looked_at;
    if (!options.existing_topic && result.records != appended &&
        !(options.stop_requested && options.stop_requested())) {
      return absl::DataLossError(absl::StrCat("a reader got ", result.records,
                                              " records of ", appended));
    }
  }
  report.settings["looked_at"] = looked_at;
  return report;
}

}  // namespace kappa::bench
