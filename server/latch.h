// Latch: waits until something has happened a number of times.
#ifndef KAPPA_SERVER_LATCH_H_
#define KAPPA_SERVER_LATCH_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proto/wire/mutex.h"

namespace kappa::server {

// Thread safety: thread-safe. May be destroyed once Wait has returned only if
// everyone who counts down shares it.
class Latch {
 public:
  explicit Latch(size_t count) : count_(count) {}

  void CountDown() {
    MutexLock lock(&mutex_);
    if (count_ > 0 && --count_ == 0) zero_.SignalAll();
  }
  bool zero() {
    MutexLock lock(&mutex_);
    return count_ == 0;
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (count_ > 0) zero_.Wait(&mutex_);
  }
  // False when `timeout_us` microseconds have passed first.
  bool WaitFor(int64_t timeout_us) {
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::microseconds(timeout_us);
    MutexLock lock(&mutex_);
    while (count_ > 0) {
      const int64_t left_us =
          std::chrono::duration_cast<std::chrono::microseconds>(
              end - std::chrono::steady_clock::now())
              .count();
      if (left_us <= 0) return false;
      zero_.WaitFor(&mutex_, left_us);
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar zero_;
  size_t count_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LATCH_H_
