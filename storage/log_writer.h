// LogWriter: the one thread of a data directory that makes things durable.
//
//   shards --Submit--> [ queue ] --all of it--> LogStore::Commit --> done()
//
// While one cycle syncs, the next one fills: that is the group commit.
#ifndef KAPPA_STORAGE_LOG_WRITER_H_
#define KAPPA_STORAGE_LOG_WRITER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/turn_runner.h"
#include "storage/distribution.h"
#include "storage/log_store.h"
#include "storage/thread_waits.h"
#include "storage/writer_load.h"

namespace kappa::storage {

struct LogWriterOptions {
  // A cycle takes whole submissions until their payloads reach this.
  size_t cycle_bytes_max = 8 << 20;
  // Submissions wait in a queue of at most this many payload bytes; Submit
  // tells by its result when it is full, and takes the write all the same (the
  // caller stops accepting new work: RESOURCE_EXHAUSTED to clients).
  size_t queue_bytes_max = 64 << 20;
  // Called once, on the writer's thread, when a commit failed; must end the
  // process within 1 s (tests: record and return; then nothing more is written
  // or completed).
  std::function<void(const absl::Status&)> on_fatal;
  // Present: there is no thread, a turn is one cycle.
  TurnRunner* turns = nullptr;
  // A commit that takes so long is slow.
  int64_t slow_commit_us = 100'000;
};

// How the disk does, for who asks many times a second. Counters only grow.
struct CommitPulse {
  uint64_t commits = 0;
  uint64_t slow_commits = 0;  // of them
  // For how long the commit that is under way has been; 0: none is.
  int64_t committing_us = 0;
};

// Where a writer's load is read, also when the writer is gone.
//
// Thread safety: thread-safe.
class WriterLoadMeter {
 public:
  WriterLoad Read() const { return {payload_bytes_, waits_.Read()}; }

 private:
  friend class LogWriter;
  std::atomic<uint64_t> payload_bytes_{0};
  ThreadWaits waits_;
};

// What the writer did since it started; counters only grow.
struct LogWriterStats {
  uint64_t cycles = 0;
  uint64_t group_writes = 0;
  uint64_t payload_bytes = 0;
  uint64_t queued_bytes = 0;  // now
  uint64_t last_cycle_bytes = 0;
  // Of cycles: the time from the first byte to the synced watermark, and the
  // payload bytes. The counts of both add up to `cycles`.
  DistributionCounts commit_us;
  DistributionCounts cycle_bytes;
};

// Thread safety: thread-safe.
class LogWriter {
 public:
  using Done = absl::AnyInvocable<void()>;

  // Starts the thread. `store` must outlive the writer.
  LogWriter(LogStore* store, LogWriterOptions options);
  // Finishes what was submitted, then ends the thread.
  ~LogWriter();

  // Queues writes that become durable together or in order with other
  // submissions of the same caller; `done` is called on the writer's thread
  // after they are durable (and must be short: post to a queue). Several writes
  // of one replica, also within one submission, are applied in order.
  // Returns false when the queue is over its bound.
  bool Submit(std::vector<GroupWrite> writes, Done done);

  // Runs `work` on the writer's thread between two cycles: creating or dropping
  // replicas, installing a sealed segment. The status goes to `done`; an error
  // is fatal only if the store says so.
  void Run(absl::AnyInvocable<absl::Status(LogStore*)> work,
           absl::AnyInvocable<void(absl::Status)> done);

  // True while the queue is over its bound.
  bool congested() const;
  // Whether something is queued behind the cycle that is written now.
  bool waited_for() const;
  LogWriterStats stats() const;
  CommitPulse pulse() const;
  std::shared_ptr<const WriterLoadMeter> load_meter() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_LOG_WRITER_H_
