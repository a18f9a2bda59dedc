#include "storage/background_pace.h"

#include <chrono>
#include <memory>

#include "gtest/gtest.h"
#include "rocksdb/rate_limiter.h"

namespace kappa::storage {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kMax = 640 * kMiB;

class BackgroundPaceTest : public testing::Test {
 protected:
  // Appends at that rate, a cycle each millisecond.
  void Append(uint64_t mib_per_second, std::chrono::milliseconds time) {
    for (int64_t i = 0; i < time.count(); ++i) {
      now_ += std::chrono::milliseconds(1);
      pace_.Note(mib_per_second * kMiB / 1'000, now_);
    }
  }
  uint64_t rate() const {
    return static_cast<uint64_t>(limiter_->GetBytesPerSecond()) / kMiB;
  }

  std::unique_ptr<rocksdb::RateLimiter> limiter_{
      rocksdb::NewGenericRateLimiter(static_cast<int64_t>(kMax))};
  BackgroundPace pace_{limiter_.get(), kMax};
  BackgroundPace::Time now_{std::chrono::hours(1)};
};

TEST_F(BackgroundPaceTest, IsAsFastAsItMayBeUntilSomethingIsKnown) {
  EXPECT_EQ(rate(), 640u);
  Append(0, std::chrono::milliseconds(50));
  EXPECT_EQ(rate(), 640u);
}

TEST_F(BackgroundPaceTest, IsThreeTimesWhatIsAppended) {
  Append(40, std::chrono::milliseconds(500));
  EXPECT_NEAR(static_cast<double>(rate()), 120, 12);
}

TEST_F(BackgroundPaceTest, NeverStopsNorExceedsItsBounds) {
  Append(1, std::chrono::milliseconds(500));
  EXPECT_EQ(rate(), 48u);
  Append(500, std::chrono::milliseconds(500));
  EXPECT_NEAR(static_cast<double>(rate()), 640, 64);
}

TEST_F(BackgroundPaceTest, FollowsAGrowingLoadAtOnceAndAFallingOneSlowly) {
  Append(10, std::chrono::milliseconds(500));
  Append(150, std::chrono::milliseconds(210));
  EXPECT_NEAR(static_cast<double>(rate()), 450, 45);
  Append(10, std::chrono::milliseconds(500));
  EXPECT_GT(rate(), 250u);
  Append(10, std::chrono::milliseconds(60'000));
  EXPECT_EQ(rate(), 48u);
}

TEST_F(BackgroundPaceTest, FadesWhileNothingIsAppended) {
  Append(150, std::chrono::milliseconds(500));
  now_ += std::chrono::minutes(1);
  Append(10, std::chrono::milliseconds(200));
  EXPECT_EQ(rate(), 48u);
}

TEST(BackgroundPaceLimitTest, ALowHighestRateStays) {
  const std::unique_ptr<rocksdb::RateLimiter> limiter(
      rocksdb::NewGenericRateLimiter(static_cast<int64_t>(kMiB)));
  BackgroundPace pace(limiter.get(), kMiB);
  BackgroundPace::Time now{std::chrono::hours(1)};
  for (int i = 0; i < 500; ++i) {
    now += std::chrono::milliseconds(1);
    pace.Note(kMiB, now);
  }
  EXPECT_EQ(limiter->GetBytesPerSecond(), static_cast<int64_t>(kMiB));
}

}  // namespace
}  // namespace kappa::storage
