#include "client/bench/latency_histogram.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::bench {
namespace {

TEST(LatencyHistogramTest, EmptyHasNoQuantiles) {
  const LatencyHistogram latency;
  EXPECT_EQ(latency.count(), 0u);
  EXPECT_EQ(latency.QuantileUs(0.5), 0);
}

TEST(LatencyHistogramTest, SmallValuesAreExact) {
  LatencyHistogram latency;
  for (int64_t us = 1; us <= 100; ++us) latency.Record(us);
  EXPECT_EQ(latency.QuantileUs(0.5), 50);
  EXPECT_EQ(latency.QuantileUs(0.99), 99);
  EXPECT_EQ(latency.QuantileUs(1), 100);
  EXPECT_EQ(latency.max_us(), 100);
}

TEST(LatencyHistogramTest, QuantilesAreWithinOnePercentOfSortedValues) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> draw(8, 2);
  LatencyHistogram latency;
  std::vector<int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<int64_t>(draw(random)));
    latency.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(
        values[static_cast<size_t>(q * static_cast<double>(values.size()))]);
    EXPECT_NEAR(static_cast<double>(latency.QuantileUs(q)), exact,
                0.01 * exact + 2);
  }
  EXPECT_EQ(latency.QuantileUs(1), values.back());
}

TEST(LatencyHistogramTest, ExtremesAreKept) {
  LatencyHistogram latency;
  latency.Record(-5);
  latency.Record(int64_t{1} << 50);
  EXPECT_EQ(latency.count(), 2u);
  EXPECT_EQ(latency.QuantileUs(0), 0);
  EXPECT_EQ(latency.max_us(), int64_t{1} << 50);
  latency.Clear();
  EXPECT_EQ(latency.count(), 0u);
}

}  // namespace
}  // namespace kappa::bench
