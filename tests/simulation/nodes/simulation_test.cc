// Seeds of whole nodes under faults: every property holds, nothing is vacuous,
// and the same seed gives the same trace.
#include "tests/simulation/nodes/simulation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/simulation/nodes/plan.h"
#include "tests/simulation/nodes/run_counts.h"
#include "tests/simulation/nodes/run_options.h"
#include "tests/simulation/nodes/seed_runner.h"

namespace kappa::node_simulation {
namespace {

// Instrumented code is many times slower; it runs fewer seeds, too few for
// every cell of the table.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 10;
constexpr bool kTableIsFull = false;
#else
constexpr uint64_t kSeeds = 100;
constexpr bool kTableIsFull = true;
#endif

TEST(NodeSimulationTest, SeedsKeepEveryPropertyAndConverge) {
  SeedRunner runner(/*seconds=*/10);
  int failures = 0;
  // Until the table is full, as long as that takes no more than four times as
  // many.
  const auto goes_on = [&runner](uint64_t seed) {
    return seed <= kSeeds || (kTableIsFull && seed <= 4 * kSeeds &&
                              !Vacuous(runner.counts()).empty());
  };
  for (uint64_t seed = 1; goes_on(seed) && failures < 2; ++seed) {
    const std::string breach = runner.Run(seed);
    if (breach.empty()) continue;
    ++failures;
    ADD_FAILURE() << runner.Report(seed, breach, /*runs_max=*/20);
  }
  std::printf("%s", TableOf(runner.counts()).c_str());
  if (kTableIsFull) {
    EXPECT_EQ(Vacuous(runner.counts()), "");
  }
}

TEST(NodeSimulationTest, TheSameSeedGivesTheSameTrace) {
  for (uint64_t seed = 1001; seed <= 1003; ++seed) {
    const RunOptions options = RunOptions::Draw(seed, /*seconds=*/4);
    const Plan plan = Plan::Draw(options);
    const RunResult first = SimulateIsolated(options, plan);
    EXPECT_EQ(first.trace, SimulateIsolated(options, plan).trace) << seed;
    RunOptions other = options;
    other.seed += 1000;
    EXPECT_NE(first.trace, SimulateIsolated(other, plan).trace) << seed;
  }
}

}  // namespace
}  // namespace kappa::node_simulation
