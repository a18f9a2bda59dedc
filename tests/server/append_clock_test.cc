#include "server/append_clock.h"

#include "gtest/gtest.h"
#include "tests/server/manual_clock.h"

namespace kappa::server {
namespace {

constexpr int64_t kNowUs = 1'767'225'600'000'000;

TEST(AppendClockTest, TheMedianIsTheLowerMiddle) {
  EXPECT_EQ(MedianAheadUs({0}), 0);
  EXPECT_EQ(MedianAheadUs({0, 50}), 0);
  EXPECT_EQ(MedianAheadUs({0, -50}), -50);
  EXPECT_EQ(MedianAheadUs({0, 3'600'000'000, 5}), 5);
  EXPECT_EQ(MedianAheadUs({7, 0, 9, 8}), 7);
}

TEST(AppendClockTest, TimesAreHeldWithinASecondOfTheMedian) {
  const ManualClock clock(kNowUs);  // its monotonic time is 0
  AppendClock append(&clock);
  EXPECT_EQ(append.Next(0), kNowUs);
  append.SetMedianAheadUs(kNowUs + 999'999);
  EXPECT_EQ(append.Next(0), kNowUs);
  append.SetMedianAheadUs(kNowUs - 999'999);
  EXPECT_EQ(append.Next(0), kNowUs);
  append.SetMedianAheadUs(kNowUs + 5'000'000);
  EXPECT_EQ(append.Next(0), kNowUs + 4'000'000);
  append.SetMedianAheadUs(kNowUs - 5'000'000);
  EXPECT_EQ(append.Next(0), kNowUs - 4'000'000);
  EXPECT_EQ(append.Next(kNowUs), kNowUs);
}

TEST(AppendClockTest, AJumpOfTheOwnClockDoesNotMoveTheMedian) {
  constexpr int64_t kHourUs = 3'600'000'000;
  ManualClock clock(kNowUs);
  AppendClock append(&clock);
  append.SetMedianAheadUs(kNowUs);
  // Two hours behind, and right again before anything is heard.
  clock.SetNow(kNowUs - 2 * kHourUs);
  EXPECT_EQ(append.Next(0), kNowUs - 1'000'000);
  clock.SetNow(kNowUs);
  EXPECT_EQ(append.Next(0), kNowUs);
  clock.SetNow(kNowUs + kHourUs);
  EXPECT_EQ(append.Next(0), kNowUs + 1'000'000);
  // The median goes on with the time that passes.
  clock.Advance(10'000'000);
  EXPECT_EQ(append.Next(0), kNowUs + 11'000'000);
}

TEST(AppendClockTest, NoTimeIsNegative) {
  const ManualClock clock(1'000'000);
  AppendClock append(&clock);
  append.SetMedianAheadUs(-3'600'000'000);
  EXPECT_EQ(append.Next(-5), 0);
}

}  // namespace
}  // namespace kappa::server
