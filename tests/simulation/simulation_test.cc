// Seeds of simulated clusters under faults: every property holds, nothing is
// vacuous, and the same seed gives the same trace.
#include "tests/simulation/simulation.h"

#include <cstdint>
#include <cstdio>

#include "gtest/gtest.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/isolated_run.h"
#include "tests/simulation/owner_mutant.h"
#include "tests/simulation/run_counts.h"
#include "tests/simulation/seed_runner.h"

namespace kappa::simulation {
namespace {

// Instrumented code is many times slower; it runs fewer seeds, too few for
// every cell of the table.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 15;
constexpr bool kTableIsFull = false;
#else
constexpr uint64_t kSeeds = 220;
constexpr bool kTableIsFull = true;
#endif

TEST(SimulationTest, SeedsKeepEveryPropertyAndConverge) {
  SeedRunner runner(/*seconds=*/20, /*groups=*/0);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (runner.Run(seed)) continue;
    ADD_FAILURE() << runner.Report(runner.failures().back(),
                                   /*runs_max=*/100);
    if (runner.failures().size() == 3) break;
  }
  std::printf("%s", TableOf(runner.counts()).c_str());
  EXPECT_GE(runner.MedianCommits(), 100u);
  EXPECT_GE(runner.MedianLeaderChanges(), 3u);
  EXPECT_GE(runner.MedianConfigurations(), 1u);
  if (kTableIsFull) {
    EXPECT_EQ(EmptyCells(runner.counts()), "");
    EXPECT_GT(runner.counts().leases_used, 0u);
    EXPECT_GT(runner.counts().bases_installed, 0u);
    EXPECT_GT(runner.counts().entries_fetched, 0u);
    EXPECT_GT(runner.counts().entries_repaired, 0u);
    EXPECT_GT(runner.counts().cycles_lost, 0u);
    EXPECT_GT(runner.counts().amnesiacs_found, 0u);
    EXPECT_GT(runner.counts().wakes, 0u);
  }
}

TEST(SimulationTest, TheSameSeedGivesTheSameTrace) {
  for (uint64_t seed = 1001; seed <= 1005; ++seed) {
    const SimulationOptions options = SimulationOptions::Draw(seed, 3);
    const FaultPlan plan = FaultPlan::Draw(options);
    const IsolatedResult first = RunIsolated(options, plan);
    EXPECT_EQ(first.run.trace, RunIsolated(options, plan).run.trace) << seed;
    EXPECT_NE(
        first.run.trace,
        RunIsolated(SimulationOptions::Draw(seed + 1000, 3), plan).run.trace);
  }
}

// A crash test proves itself first (RELIABILITY.md).
TEST(SimulationTest, AcknowledgingBeforeTheSyncIsSeen) {
  uint64_t seen = 0;
  for (uint64_t seed = 1; seed <= 20 && seen == 0; ++seed) {
    SimulationOptions options = SimulationOptions::Draw(seed, 5);
    options.mutant = OwnerMutant::kAcknowledgeBeforeSync;
    const IsolatedResult result =
        RunIsolated(options, FaultPlan::Draw(options));
    if (!result.died && !result.run.breach.empty()) seen = seed;
  }
  EXPECT_NE(seen, 0u);
}

}  // namespace
}  // namespace kappa::simulation
