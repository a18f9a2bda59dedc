// HeldClock: the machine's clocks, of which a test stops the monotonic one.
#ifndef KAPPA_TESTS_SERVER_HELD_CLOCK_H_
#define KAPPA_TESTS_SERVER_HELD_CLOCK_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"

namespace kappa {

// Thread safety: thread-safe.
class HeldClock final : public Clock {
 public:
  int64_t NowUs() const override { return clock_.NowUs(); }
  int64_t MonotonicUs() const override {
    MutexLock lock(&mutex_);
    return held_us_.value_or(clock_.MonotonicUs());
  }

  // Monotonic time stands still until Release.
  void Hold() {
    MutexLock lock(&mutex_);
    held_us_ = clock_.MonotonicUs();
  }
  // Requires: it stands still, and true time is that far ahead of it.
  void Advance(int64_t us) {
    MutexLock lock(&mutex_);
    *held_us_ += us;
  }
  // It is true time again.
  void Release() {
    MutexLock lock(&mutex_);
    held_us_.reset();
  }

 private:
  SystemClock clock_;
  mutable Mutex mutex_;
  std::optional<int64_t> held_us_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa

#endif  // KAPPA_TESTS_SERVER_HELD_CLOCK_H_
