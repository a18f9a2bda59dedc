// BulkAppend: threads that append as fast as the server takes it.
#ifndef KAPPA_CLIENT_BENCH_BULK_APPEND_H_
#define KAPPA_CLIENT_BENCH_BULK_APPEND_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "client/bench/bench.h"
#include "client/bench/latency_histogram.h"
#include "client/cpp/producer.h"
#include "proto/wire/mutex.h"

namespace kappa::bench {

// What was acknowledged so far.
struct BulkCounts {
  uint64_t records = 0;
  uint64_t errors = 0;
  LatencyHistogram latency;  // of batches, since the last ClearLatency
};

// Thread safety: thread-safe.
class BulkAppend {
 public:
  // Starts options.producers threads. With a `records_max` they end by
  // themselves after as many records in all, or soon after a batch failed.
  BulkAppend(const BenchOptions& options,
             std::shared_ptr<client::Client> client, uint64_t records_max);
  // As Finish.
  ~BulkAppend();

  BulkCounts Counts() const;
  void ClearLatency();
  // True once every thread has ended.
  bool done() const { return running_ == 0; }
  // Tells the threads to end, waits until everything is answered, and returns
  // the first failure.
  absl::Status Finish(bool stop_early);

 private:
  void Run(uint32_t number, uint64_t records_max);
  absl::Status Append(uint32_t number, uint64_t records_max,
                      client::Producer* producer);
  client::ProducerOptions ProducerOptionsOf();
  void NoteBatch(const client::BatchOutcome& outcome);
  void NoteStatus(const absl::Status& status);

  const BenchOptions options_;
  const std::shared_ptr<client::Client> client_;
  const bool needs_all_;  // a batch that fails is the end
  std::atomic<bool> stop_ = false;
  std::atomic<uint32_t> running_ = 0;
  mutable Mutex mutex_;
  BulkCounts counts_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_BULK_APPEND_H_
