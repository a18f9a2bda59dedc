// ReplayPace: how fast replays may go, so that they do not hurt live appends.
//
//   ReplayStream ── next chunk? ──> ReplayPace <── how long does the log
//        ^                              │            writer wait for a
//        processor? └──────── at this time ────────┘
//
// Replays alone go as fast as they can. While something is appended, the log
// writer's thread shows what they cost it: the time that it waits for a
// processor each time it has something to do. While that is too long, all
// replays of the node together are slowed, step by step; while it is not, they
// are let go faster. But they always go at least twice as fast as what is
// appended, so that each comes to its end.
#ifndef KAPPA_SERVER_RPC_REPLAY_PACE_H_
#define KAPPA_SERVER_RPC_REPLAY_PACE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "storage/writer_load.h"

namespace kappa::server {

struct ReplayPaceLimits {
  // How long the log writer may wait for a processor each time, in the mean;
  // a quarter more than it waits without replays, if that is more.
  double wait_us_max = 30;
  // All replays together are never slowed below this.
  double bytes_per_s_min = 256e6;
};

// Thread safety: thread-safe.
class ReplayPace {
 public:
  // `load` is asked at most every 20 ms, on any thread, and must be quick.
  ReplayPace(ReplayPaceLimits limits,
             std::function<storage::WriterLoad()> load);

  // When the next chunk, of about `bytes`, of one of `replays` may be read:
  // `now_us` or later, on the same clock, which must not go backwards.
  int64_t Take(int64_t now_us, size_t bytes, size_t replays);
  // The chunk has so many bytes less.
  void Return(size_t bytes);
  // Infinite: they are not slowed.
  double bytes_per_s() const;

 private:
  // Samples, and decides the rate anew.
  void Look(int64_t now_us, size_t replays)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Begins anew after a time without replays; `load` tells of that time.
  void Begin(int64_t now_us, const storage::WriterLoad& load)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Slower or faster, by the wait, than they went (bytes each microsecond).
  void Decide(int64_t now_us, double reached, size_t replays)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes one sample. Whether something is being appended.
  bool Live(int64_t now_us, const storage::WriterLoad& load)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  static constexpr double kNotSlowed = std::numeric_limits<double>::infinity();

  const ReplayPaceLimits limits_;
  const std::function<storage::WriterLoad()> load_;
  mutable Mutex mutex_;
  double bytes_per_us_ ABSL_GUARDED_BY(mutex_) = kNotSlowed;
  double next_us_ ABSL_GUARDED_BY(mutex_) = 0;  // when the next chunk may go
  // Since the last look.
  int64_t looked_us_ ABSL_GUARDED_BY(mutex_) = 0;
  double taken_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  storage::WriterLoad before_ ABSL_GUARDED_BY(mutex_);
  double wait_alone_us_ ABSL_GUARDED_BY(mutex_) = 0;  // without replays
  // Means over some looks.
  double wait_us_ ABSL_GUARDED_BY(mutex_) = 0;
  double appended_per_us_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t appended_at_us_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_REPLAY_PACE_H_
