#include "client/cpp/silence_limit.h"

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

TEST(SilenceLimitTest, StaysAtItsMinimumWhileAnswersAreQuick) {
  SilenceLimit limit(absl::Seconds(1));
  for (int i = 0; i < 100; ++i) limit.OnAnswer(absl::Milliseconds(200));
  EXPECT_EQ(limit.limit(), absl::Seconds(1));
}

TEST(SilenceLimitTest, FollowsSlowAnswersAndComesBack) {
  SilenceLimit limit(absl::Seconds(1));
  limit.OnAnswer(absl::Milliseconds(800));
  EXPECT_EQ(limit.limit(), absl::Milliseconds(3'200));
  limit.OnAnswer(absl::Milliseconds(10));
  EXPECT_LT(limit.limit(), absl::Milliseconds(3'200));
  EXPECT_GT(limit.limit(), absl::Seconds(2));
  for (int i = 0; i < 20; ++i) limit.OnAnswer(absl::Milliseconds(10));
  EXPECT_EQ(limit.limit(), absl::Seconds(1));
}

TEST(SilenceLimitTest, DoublesWithEachSilenceUpToAMinute) {
  SilenceLimit limit(absl::Seconds(1));
  limit.OnSilence();
  EXPECT_EQ(limit.limit(), absl::Seconds(2));
  for (int i = 0; i < 10; ++i) limit.OnSilence();
  EXPECT_EQ(limit.limit(), absl::Minutes(1));
}

TEST(SilenceLimitTest, MayBeSwitchedOff) {
  SilenceLimit limit(absl::InfiniteDuration());
  limit.OnAnswer(absl::Hours(1));
  limit.OnSilence();
  EXPECT_EQ(limit.limit(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace kappa::client
