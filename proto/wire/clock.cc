#include "proto/wire/clock.h"

#include <time.h>

#include "proto/wire/check.h"

namespace kappa {
namespace {

int64_t ReadUs(clockid_t clock) {
  timespec now;
  KAPPA_CHECK(clock_gettime(clock, &now) == 0, "the clock cannot be read");
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

int64_t SystemClock::NowUs() const { return ReadUs(CLOCK_REALTIME); }

int64_t SystemClock::MonotonicUs() const { return ReadUs(CLOCK_MONOTONIC); }

}  // namespace kappa
