// ManualClock: time that stands still until a test moves it.
#ifndef KAPPA_TESTS_SERVER_MANUAL_CLOCK_H_
#define KAPPA_TESTS_SERVER_MANUAL_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "proto/wire/clock.h"

namespace kappa {

// Thread safety: thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_us) : now_us_(now_us) {}

  int64_t NowUs() const override { return now_us_.load(); }
  int64_t MonotonicUs() const override { return monotonic_us_.load(); }

  // Both clocks go on.
  void Advance(int64_t us) {
    now_us_.fetch_add(us);
    monotonic_us_.fetch_add(us);
  }
  // The wall clock jumps.
  void SetNow(int64_t now_us) { now_us_.store(now_us); }

 private:
  std::atomic<int64_t> now_us_;
  std::atomic<int64_t> monotonic_us_{0};
};

}  // namespace kappa

#endif  // KAPPA_TESTS_SERVER_MANUAL_CLOCK_H_
