// Random runs of whole groups: nothing that was committed is ever lost, and
// the properties of RAFT.md hold after every step.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/raft/cluster.h"
#include "tests/raft/random_run.h"

namespace kappa::raft {
namespace {

// AddressSanitizer takes ten times as long for a run.
#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSeedsDivisor = 10;
#else
constexpr uint64_t kSeedsDivisor = 1;
#endif

RunCounts RunSeeds(size_t voters, uint64_t seeds, size_t steps) {
  RunCounts counts;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const RunResult result =
        RunRandomly(SmallLimits(voters, seed), steps, &counts);
    EXPECT_EQ(result.breach, "")
        << "replay: bazel run //tests/raft:random_replay -- " << voters << " "
        << seed << " " << seed << " " << steps;
    if (!result.breach.empty()) break;
  }
  return counts;
}

// The seed at which a deliberate bug is seen, 0 if never.
uint64_t SeedThatSees(ClusterOptions options, uint64_t seeds, size_t steps) {
  RunCounts counts;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    options.seed = seed;
    if (!RunRandomly(options, steps, &counts).breach.empty()) return seed;
  }
  return 0;
}

TEST(CoreRandomTest, SingleVoterLosesNothingThatWasCommitted) {
  const RunCounts counts = RunSeeds(1, 12000 / kSeedsDivisor, 200);
  EXPECT_EQ(counts.runs, 12000 / kSeedsDivisor);
  EXPECT_GT(counts.commits, 50 * counts.runs);
  EXPECT_GT(counts.terms_led, counts.runs);
  EXPECT_GT(counts.reads_confirmed, counts.runs);
  EXPECT_GT(counts.refused_for_bytes, counts.runs);
  EXPECT_GT(counts.crashes, counts.runs);
  EXPECT_GT(counts.writes_lost, counts.runs / 10);
  EXPECT_GT(counts.completions_lost, counts.runs);
  EXPECT_GT(counts.completions_repeated, counts.runs);
  EXPECT_GT(counts.bases_installed, counts.runs / 50);
}

TEST(CoreRandomTest, ThreeVotersKeepEveryProperty) {
  const RunCounts counts = RunSeeds(3, 1500 / kSeedsDivisor, 1500);
  EXPECT_EQ(counts.runs, 1500 / kSeedsDivisor);
  EXPECT_GT(counts.commits, 20 * counts.runs);
  EXPECT_GT(counts.terms_led, 2 * counts.runs);
  EXPECT_GT(counts.reads_confirmed, counts.runs);
  EXPECT_GT(counts.crashes, counts.runs);
  EXPECT_GT(counts.writes_lost, counts.runs / 10);
  EXPECT_GT(counts.messages_dropped, counts.runs);
  EXPECT_GT(counts.messages_repeated, counts.runs);
  EXPECT_GT(counts.cuts, counts.runs);
  EXPECT_GT(counts.trims, counts.runs);
  EXPECT_GT(counts.damaged, counts.runs / 10);
  EXPECT_GT(counts.transfers, counts.runs / 10);
}

TEST(CoreRandomTest, FiveVotersKeepEveryProperty) {
  const RunCounts counts = RunSeeds(5, 400 / kSeedsDivisor, 2500);
  EXPECT_EQ(counts.runs, 400 / kSeedsDivisor);
  EXPECT_GT(counts.commits, 20 * counts.runs);
  EXPECT_GT(counts.terms_led, 2 * counts.runs);
}

TEST(CoreRandomTest, SameSeedGivesTheSameTrace) {
  RunCounts counts;
  const RunResult first = RunRandomly(SmallLimits(3, 42), 1500, &counts);
  const RunResult second = RunRandomly(SmallLimits(3, 42), 1500, &counts);
  const RunResult other = RunRandomly(SmallLimits(3, 43), 1500, &counts);
  EXPECT_EQ(first.trace, second.trace);
  EXPECT_NE(first.trace, other.trace);
}

// The tests are tested: each bug is seen by a property.
TEST(CoreRandomTest, SeesAnAcknowledgementBeforeTheSync) {
  ClusterOptions options = SmallLimits(1, 0);
  options.mutant_reports_before_sync = true;
  EXPECT_NE(SeedThatSees(options, 50, 200), 0u);
  options.voters = 3;
  EXPECT_NE(SeedThatSees(options, 50, 1500), 0u);
}

TEST(CoreRandomTest, SeesAPromiseBeforeTheSync) {
  ClusterOptions options = SmallLimits(3, 0);
  options.mutant_promises_before_sync = true;
  EXPECT_NE(SeedThatSees(options, 50, 1500), 0u);
}

TEST(CoreRandomTest, SeesAForgottenVote) {
  ClusterOptions options = SmallLimits(3, 0);
  options.mutant_forgets_vote = true;
  EXPECT_NE(SeedThatSees(options, 500, 1500), 0u);
}

}  // namespace
}  // namespace kappa::raft
