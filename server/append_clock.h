// AppendClock: which time an appended entry gets.
#ifndef KAPPA_SERVER_APPEND_CLOCK_H_
#define KAPPA_SERVER_APPEND_CLOCK_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "proto/wire/clock.h"

namespace kappa::server {

// How far a single node's clock may lie behind its newest entry.
inline constexpr int64_t kClockBehindUsMax = int64_t{24} * 3600 * 1'000'000;

// How much the clock of a group's leader may differ from that of an earlier or
// later leader: each is held within a second of the median.
inline constexpr int64_t kLeaderClocksDifferUs = 2'000'000;

// How much a leader's clock may differ from the median.
inline constexpr int64_t kMedianDiffersUsMax = 1'000'000;

// The lower middle of what the nodes' wall clocks, this node's included, are
// ahead of this node's Clock::MonotonicUs by. Requires: it is not empty.
inline int64_t MedianAheadUs(std::vector<int64_t> ahead_us) {
  const size_t middle = (ahead_us.size() - 1) / 2;
  std::nth_element(ahead_us.begin(),
                   ahead_us.begin() + static_cast<std::ptrdiff_t>(middle),
                   ahead_us.end());
  return ahead_us[middle];
}

// Append time = max(time of the entry before, leader's clock held within a
// second of the median of the voters' clocks). A node that is its group's only
// voter is the median.
//
// Thread safety: thread-safe.
class AppendClock {
 public:
  // `clock` must outlive this.
  explicit AppendClock(const Clock* clock) : clock_(clock) {}

  // The time of the next entry after one of `last_us`; never below it, never
  // negative. Microseconds since 1970-01-01T00:00:00Z.
  int64_t Next(int64_t last_us) const {
    const int64_t now_us = HeldUs();
    return now_us > last_us ? now_us : last_us;
  }

  // The time that every leader's clock has passed, as long as none is set back.
  int64_t PassedUs() const { return HeldUs() - kLeaderClocksDifferUs; }

  // By how much the median of the wall clocks of the nodes that are heard, this
  // one included, is ahead of this node's MonotonicUs. Until it is set, this
  // node's clock is the median. Not told relative to this node's wall clock: a
  // jump of that one would carry the median along.
  void SetMedianAheadUs(int64_t ahead_us) {
    median_ahead_us_.store(ahead_us, std::memory_order_relaxed);
  }

  // Whether the clock is so far behind `newest_us` that something is wrong.
  bool IsFarBehind(int64_t newest_us) const {
    return clock_->NowUs() < newest_us - kClockBehindUsMax;
  }

 private:
  // The wall clock, held within a second of the median as it goes on by the
  // monotonic clock.
  int64_t HeldUs() const {
    const int64_t now_us = clock_->NowUs();
    const int64_t ahead_us = median_ahead_us_.load(std::memory_order_relaxed);
    if (ahead_us == kMedianUnknown) return std::max(int64_t{0}, now_us);
    const int64_t median_us = clock_->MonotonicUs() + ahead_us;
    return std::max(int64_t{0},
                    std::clamp(now_us, median_us - kMedianDiffersUsMax,
                               median_us + kMedianDiffersUsMax));
  }

  static constexpr int64_t kMedianUnknown = std::numeric_limits<int64_t>::min();

  const Clock* const clock_;
  std::atomic<int64_t> median_ahead_us_{kMedianUnknown};
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_APPEND_CLOCK_H_
