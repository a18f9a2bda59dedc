// StopSignal: tells the threads of a client that its run is over.
#ifndef KAPPA_TESTS_CHAOS_STOP_SIGNAL_H_
#define KAPPA_TESTS_CHAOS_STOP_SIGNAL_H_

#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/wire/mutex.h"

namespace kappa::chaos {

// Set once, for good.
//
// Thread safety: thread-safe.
class StopSignal {
 public:
  // Wakes everybody who waits and calls what OnSet was given.
  void Set() ABSL_LOCKS_EXCLUDED(mutex_);
  bool is_set() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true as soon as the signal is set, false after `timeout`.
  bool WaitFor(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // `action` is called by Set; at once when the signal is set already.
  void OnSet(std::function<void()> action) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_STOP_SIGNAL_H_
