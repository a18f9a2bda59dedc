#include "tests/chaos/stop_signal.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kappa::chaos {

void StopSignal::Set() {
  std::vector<std::function<void()>> actions;
  {
    MutexLock lock(&mutex_);
    set_ = true;
    actions.swap(actions_);
    changed_.SignalAll();
  }
  for (const std::function<void()>& action : actions) action();
}

bool StopSignal::is_set() const {
  MutexLock lock(&mutex_);
  return set_;
}

bool StopSignal::WaitFor(absl::Duration timeout) {
  const absl::Time end = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (!set_) {
    const int64_t left_us = absl::ToInt64Microseconds(end - absl::Now());
    if (left_us <= 0) return false;
    changed_.WaitFor(&mutex_, left_us);
  }
  return true;
}

void StopSignal::OnSet(std::function<void()> action) {
  {
    MutexLock lock(&mutex_);
    if (!set_) {
      actions_.push_back(std::move(action));
      return;
    }
  }
  action();
}

}  // namespace kappa::chaos
