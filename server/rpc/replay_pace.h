// ReplayPace: how fast replays may go without hurting live appends.
//
//   ReplayStream --Take--> ReplayPace <-- how long did the log writer wait
//        ^                     |          for a processor? (every 20 ms)
//        '--- when to read ----'
//
// Replays alone go as fast as they can. While something is appended, the log
// writer's thread shows what they cost it: the time that it waits for a
// processor each time it has something to do. While that is too long, all
// replays of the node together are slowed, by a fifth at most with each look;
// while it is not, they may go faster. The least pace lets each come to its
// end: twice what is appended, for each that is behind.
//
// Readers at the end of their partition are live themselves and not slowed,
// nor are unary reads.
#ifndef KAPPA_SERVER_RPC_REPLAY_PACE_H_
#define KAPPA_SERVER_RPC_REPLAY_PACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "storage/writer_load.h"

namespace kappa::server {

struct ReplayPaceLimits {
  // How long the log writer may wait for a processor each time, in the mean; or
  // a quarter more than in the mean of the time before the replays, if that is
  // more.
  double wait_us_max = 30;
  // All replays together are never slowed below this. Above 0.
  double bytes_per_s_min = 128e6;
};

// Thread safety: thread-safe.
class ReplayPace {
 public:
  // When a chunk may be read, and what was reserved for it.
  struct Turn {
    int64_t at_us = 0;
    size_t bytes = 0;
    double price_us = 0;  // 0: replays are not slowed

    // The pace of all replays; 0: as fast as they can.
    double bytes_per_s() const {
      return price_us > 0 ? static_cast<double>(bytes) * 1e6 / price_us : 0;
    }
  };

  // A replay that is behind, as long as this lives. May outlive the pace.
  class Behind {
   public:
    explicit Behind(const ReplayPace& pace) : count_(pace.behind_) {
      ++*count_;
    }
    ~Behind() { --*count_; }
    Behind(const Behind&) = delete;
    Behind& operator=(const Behind&) = delete;

   private:
    const std::shared_ptr<std::atomic<int>> count_;
  };

  // `load` is asked every 20 ms at most, on any thread, and must be quick.
  ReplayPace(ReplayPaceLimits limits,
             std::function<storage::WriterLoad()> load);

  // When the next chunk, of about `bytes`, may be read: `now_us` or later, on
  // the same monotonic clock.
  Turn Take(int64_t now_us, size_t bytes);
  // So many bytes were read in the turn.
  void Settle(const Turn& turn, size_t bytes);

 private:
  // Samples, and decides the pace anew.
  void Look(int64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After a time without replays, of which `load` tells.
  void Begin(int64_t now_us, const storage::WriterLoad& load)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False when nothing new is known of the writer's waits.
  bool TakeSample(int64_t now_us, const storage::WriterLoad& load)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Decide(int64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  static constexpr double kNotSlowed = std::numeric_limits<double>::infinity();

  const ReplayPaceLimits limits_;
  const std::function<storage::WriterLoad()> load_;
  const std::shared_ptr<std::atomic<int>> behind_ =
      std::make_shared<std::atomic<int>>(0);
  Mutex mutex_;
  double bytes_per_us_ ABSL_GUARDED_BY(mutex_) = kNotSlowed;
  double next_us_ ABSL_GUARDED_BY(mutex_) = 0;  // when the next chunk may go

  // As of the last look.
  std::optional<int64_t> looked_us_ ABSL_GUARDED_BY(mutex_);
  storage::WriterLoad before_ ABSL_GUARDED_BY(mutex_);
  double taken_bytes_ ABSL_GUARDED_BY(mutex_) = 0;    // since then
  bool first_sample_ ABSL_GUARDED_BY(mutex_) = true;  // comes next
  double wait_alone_us_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t appended_at_us_ ABSL_GUARDED_BY(mutex_) = 0;
  // Over some looks, the older the less.
  double waits_ ABSL_GUARDED_BY(mutex_) = 0;
  double waited_us_ ABSL_GUARDED_BY(mutex_) = 0;
  double appended_per_us_ ABSL_GUARDED_BY(mutex_) = 0;
  double reached_per_us_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_REPLAY_PACE_H_
