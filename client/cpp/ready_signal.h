// ReadySignal: lets one reader wait for several streams.
#ifndef KAPPA_CLIENT_CPP_READY_SIGNAL_H_
#define KAPPA_CLIENT_CPP_READY_SIGNAL_H_

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Remembers that something came since the last wait.
//
// Thread safety: thread-safe; one thread waits.
class ReadySignal {
 public:
  void Notify() {
    MutexLock lock(&mutex_);
    ready_ = true;
    changed_.Signal();
  }

  // Ends this wait and all later ones.
  void Cancel() {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    changed_.Signal();
  }

  bool cancelled() const {
    MutexLock lock(&mutex_);
    return cancelled_;
  }

  // Waits for a notification since the last wait, a cancellation or `until`.
  void Wait(absl::Time until) {
    MutexLock lock(&mutex_);
    while (!ready_ && !cancelled_) {
      const absl::Duration left = until - absl::Now();
      if (left <= absl::ZeroDuration()) break;
      changed_.WaitFor(
          &mutex_,
          absl::ToInt64Microseconds(std::min(left, absl::Hours(1))) + 1);
    }
    ready_ = false;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_READY_SIGNAL_H_
