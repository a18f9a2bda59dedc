#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/bench/bench.h"
#include "client/bench/workload.h"
#include "client/cpp/producer.h"
#include "proto/wire/mutex.h"

namespace kappa::bench {

namespace {

// What falls due meanwhile is sent together, late by that: a sleep for each
// record would take more of the machine than the record does.
constexpr absl::Duration kShortestSleep = absl::Microseconds(500);

// Counts answers on the threads of the SDK.
class Answers {
 public:
  // Only answers to records sent while counting is on go into the figures.
  void Begin() {
    MutexLock lock(&mutex_);
    counting_ = true;
  }
  void Note(bool counted, int64_t us, bool ok) {
    MutexLock lock(&mutex_);
    if (!ok) ++errors_;
    if (counted && ok) latency_.Record(us);
    ++answered_;
    answered_changed_.Signal();
  }
  bool counting() const {
    MutexLock lock(&mutex_);
    return counting_;
  }
  void WaitForAll(uint64_t sent) {
    MutexLock lock(&mutex_);
    while (answered_ < sent) answered_changed_.Wait(&mutex_);
  }
  void FillIn(BenchReport* report, size_t record_bytes) const {
    MutexLock lock(&mutex_);
    report->latency = latency_;
    report->records = latency_.count();
    report->bytes = report->records * record_bytes;
    report->errors = errors_;
  }

 private:
  mutable Mutex mutex_;
  CondVar answered_changed_;
  bool counting_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t errors_ ABSL_GUARDED_BY(mutex_) = 0;
  LatencyHistogram latency_ ABSL_GUARDED_BY(mutex_);
};

struct Loop {
  const BenchOptions& options;
  client::Producer* producer;
  Answers* answers;
  absl::Time begin;
  absl::Time end;
};

// Marks the end of the warm-up once.
void NoteTime(const Loop& loop, const BenchSetup& setup, absl::Time now,
              BenchReport* report, double* cpu_s) {
  if (loop.answers->counting() || now < loop.begin) return;
  loop.answers->Begin();
  report->server_begin = setup.server->Usage();
  *cpu_s = OwnCpuSeconds();
}

bool Stopped(const Loop& loop) {
  return loop.options.stop_requested && loop.options.stop_requested();
}

absl::Status RunLoop(const Loop& loop, const BenchSetup& setup,
                     BenchReport* report, double* cpu_s) {
  const BenchOptions& options = loop.options;
  Workload workload(options.record_bytes, options.seed, options.values);
  const absl::Time start = absl::Now();
  uint64_t sent = 0;
  while (!Stopped(loop)) {
    absl::Time intended = absl::Now();
    if (options.rate > 0) {
      intended =
          start + absl::Seconds(static_cast<double>(sent) / options.rate);
      const absl::Duration wait = intended - absl::Now();
      if (wait > absl::ZeroDuration()) {
        absl::SleepFor(std::max(wait, kShortestSleep));
      }
    }
    if (intended >= loop.end) break;
    NoteTime(loop, setup, intended, report, cpu_s);
    const bool counted = loop.answers->counting();
    const absl::Status status = loop.producer->Append(
        {.value = workload.Next()},
        static_cast<uint32_t>(sent % options.partitions),
        [answers = loop.answers, counted,
         intended](const absl::StatusOr<client::AppendResult>& result) {
          answers->Note(counted,
                        absl::ToInt64Microseconds(absl::Now() - intended),
                        result.ok());
        });
    if (!status.ok()) return status;
    ++sent;
    if (options.rate <= 0) loop.answers->WaitForAll(sent);
  }
  loop.answers->WaitForAll(sent);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BenchReport> RunLatencyBench(const BenchOptions& options) {
  absl::StatusOr<BenchSetup> setup = SetUpBench(options);
  if (!setup.ok()) return setup.status();
  client::ProducerOptions settings;
  settings.topic = options.topic;
  settings.compression = options.compression;
  settings.batch_bytes = options.batch_bytes;
  settings.linger = options.linger.value_or(settings.linger);
  auto producer = client::Producer::Create(setup->client, settings);
  if (!producer.ok()) return producer.status();
  BenchReport report = BeginReport("latency", options, *setup);
  Answers answers;
  const absl::Time begin = absl::Now() + options.warm_up;
  const Loop loop{options, producer->get(), &answers, begin,
                  begin + options.duration};
  double cpu_s = OwnCpuSeconds();
  const absl::Status status = RunLoop(loop, *setup, &report, &cpu_s);
  report.seconds = absl::ToDoubleSeconds(
      std::max(absl::Now() - begin, absl::ZeroDuration()));
  report.client_cpu_s = OwnCpuSeconds() - cpu_s;
  report.server_end = setup->server->Usage();
  answers.FillIn(&report, options.record_bytes);
  const absl::Status closed = (*producer)->Close();
  if (!status.ok()) return status;
  if (!closed.ok()) return closed;
  return report;
}

}  // namespace kappa::bench
