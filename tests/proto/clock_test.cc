#include "proto/wire/clock.h"

#include <chrono>

#include "gtest/gtest.h"

namespace kappa {
namespace {

TEST(SystemClockTest, NowIsBetweenTwoLooksAtTheWallClock) {
  const auto now_us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const SystemClock clock;
  const int64_t before = now_us();
  const int64_t seen = clock.NowUs();
  const int64_t after = now_us();
  EXPECT_LE(before, seen);
  EXPECT_LE(seen, after);
}

TEST(SystemClockTest, MonotonicTimeNeverFallsAndAdvances) {
  const SystemClock clock;
  const int64_t start = clock.MonotonicUs();
  int64_t last = start;
  while (last < start + 1'000) {
    const int64_t now = clock.MonotonicUs();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace kappa
