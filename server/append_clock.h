// AppendClock: which time an appended entry gets.
#ifndef KAPPA_SERVER_APPEND_CLOCK_H_
#define KAPPA_SERVER_APPEND_CLOCK_H_

#include <cstdint>

#include "proto/wire/clock.h"

namespace kappa::server {

// How far a single node's clock may lie behind its newest entry.
inline constexpr int64_t kClockBehindUsMax = int64_t{24} * 3600 * 1'000'000;

// How much the clock of a group's leader may differ from that of an earlier or
// later leader: each is held within a second of the median.
inline constexpr int64_t kLeaderClocksDifferUs = 2'000'000;

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
    const int64_t now_us = clock_->NowUs();
    return now_us > last_us ? now_us : last_us;
  }

  // The time that every leader's clock has passed, as long as none is set back.
  int64_t PassedUs() const { return clock_->NowUs() - kLeaderClocksDifferUs; }

  // Whether the clock is so far behind `newest_us` that something is wrong.
  bool IsFarBehind(int64_t newest_us) const {
    return clock_->NowUs() < newest_us - kClockBehindUsMax;
  }

 private:
  const Clock* const clock_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_APPEND_CLOCK_H_
