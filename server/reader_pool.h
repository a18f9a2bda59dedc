// ReaderPool: the threads that read from the store, so that shards never wait
// for a disk.
#ifndef KAPPA_SERVER_READER_POOL_H_
#define KAPPA_SERVER_READER_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proto/wire/mutex.h"
#include "proto/wire/turn_runner.h"
#include "storage/log_store.h"

namespace kappa::server {

// Points (tail reads, look-ups) go before replays, and with two threads or
// more one is always kept for points: a full replay cannot delay a tail read.
//
// Thread safety: thread-safe.
class ReaderPool {
 public:
  using Job = absl::AnyInvocable<void()>;

  struct Stats {
    size_t queued_points = 0;
    size_t queued_replays = 0;
    size_t active = 0;
    uint64_t refusals = 0;
    uint64_t points = 0;   // run so far
    uint64_t replays = 0;  // run so far
  };

  // Each class queues at most `queue_max` jobs. With `turns` there is no
  // thread: a turn runs a job. Requires: threads > 0.
  ReaderPool(size_t threads, size_t queue_max, TurnRunner* turns = nullptr);
  // Runs what is queued, then ends the threads.
  ~ReaderPool();

  // False, with `job` untouched, when the queue of its class is full.
  bool Submit(storage::ReadClass read_class, Job& job);
  Stats stats() const;

 private:
  void Run();
  // Without threads: runs a job; false: there is none.
  bool RunTurn();
  // The next job that may run now; an empty one when there is none.
  Job TakeLocked(bool* is_replay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  TurnRunner* const turns_;
  const size_t queue_max_;
  const size_t replays_at_once_max_;
  mutable Mutex mutex_;
  CondVar work_;
  std::deque<Job> points_ ABSL_GUARDED_BY(mutex_);
  std::deque<Job> replays_ ABSL_GUARDED_BY(mutex_);
  size_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t active_replays_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refusals_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t points_run_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t replays_run_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_READER_POOL_H_
