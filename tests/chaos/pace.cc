#include "tests/chaos/pace.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kappa::chaos {

Pace::Pace(double turns_per_second, StopSignal& stop)
    : interval_(absl::Seconds(1) / turns_per_second),
      stop_(stop),
      next_(absl::Now()) {}

bool Pace::Next() {
  const absl::Time now = absl::Now();
  if (stop_.WaitFor(next_ - now)) return false;
  next_ = std::max(next_, now) + interval_;
  return true;
}

}  // namespace kappa::chaos
