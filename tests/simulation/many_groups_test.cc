// Thousands of groups on a few nodes: most are idle and sleep.
#include <cstdint>
#include <cstdio>

#include "gtest/gtest.h"
#include "tests/simulation/run_counts.h"
#include "tests/simulation/seed_runner.h"

namespace kappa::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kGroups = 100;
constexpr uint64_t kSeeds = 1;
#else
constexpr size_t kGroups = 2000;
constexpr uint64_t kSeeds = 3;
#endif

TEST(ManyGroupsTest, KeepEveryPropertyAndConverge) {
  SeedRunner runner(/*seconds=*/6, kGroups);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (!runner.Run(seed)) {
      ADD_FAILURE() << runner.Report(runner.failures().back(), 20);
    }
  }
  std::printf("%s", TableOf(runner.counts()).c_str());
  EXPECT_GE(runner.counts().commits, kSeeds * kGroups);
  EXPECT_GT(runner.counts().wakes, 0u);
}

}  // namespace
}  // namespace kappa::simulation
