#include "storage/distribution.h"

#include <array>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

constexpr std::array<uint64_t, 3> kBounds = {10, 20, 40};

TEST(DistributionTest, CountsNothingAtFirst) {
  const DistributionCounts counts = Distribution(kBounds).Counts();
  EXPECT_EQ(counts.bounds, (std::vector<uint64_t>{10, 20, 40}));
  EXPECT_EQ(counts.counts, (std::vector<uint64_t>{0, 0, 0, 0}));
  EXPECT_EQ(counts.sum, 0u);
}

TEST(DistributionTest, BoundsBelongToTheRangeBelow) {
  Distribution distribution(kBounds);
  for (const uint64_t value : {0, 10, 11, 20, 40, 41, 1000}) {
    distribution.Record(value);
  }
  const DistributionCounts counts = distribution.Counts();
  EXPECT_EQ(counts.counts, (std::vector<uint64_t>{2, 2, 1, 2}));
  EXPECT_EQ(counts.sum, 1122u);
}

}  // namespace
}  // namespace kappa::storage
