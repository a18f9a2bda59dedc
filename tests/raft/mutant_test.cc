// Deliberate bugs of the core that the random runs see by a property, and that
// the same seeds do not show without them.
#include "raft/mutant.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>

#include "tests/raft/random_run.h"

namespace kappa::raft {
namespace {

// The first seed at which a run breaks a property, 0 if none does.
uint64_t SeedThatSees(Mutant mutant, size_t voters, uint64_t seeds) {
  RunCounts counts;
  active_mutant = mutant;
  uint64_t seen = 0;
  for (uint64_t seed = 1; seed <= seeds && seen == 0; ++seed) {
    if (!RunRandomly(SmallLimits(voters, seed), 1500, &counts).breach.empty()) {
      seen = seed;
    }
  }
  active_mutant = Mutant::kNone;
  return seen;
}

struct Case {
  Mutant mutant;
  const char* name;
  uint64_t seeds;
};

#define KAPPA_CASE(name, seeds) \
  Case { Mutant::name, #name, seeds }

TEST(MutantTest, TheRandomRunsSeeThem) {
  const Case cases[] = {
      KAPPA_CASE(kVoteAfterReply, 200),
      KAPPA_CASE(kStaleLogElected, 200),
      KAPPA_CASE(kVoteTwice, 200),
      KAPPA_CASE(kFallBackClearsVote, 300),
  };
  for (const Case& c : cases) {
    const uint64_t seed = SeedThatSees(c.mutant, 3, c.seeds);
    std::printf("%s: seed %llu\n", c.name,
                static_cast<unsigned long long>(seed));
    EXPECT_NE(seed, 0u) << c.name;
  }
}

TEST(MutantTest, WithoutThemTheSameSeedsPass) {
  EXPECT_EQ(SeedThatSees(Mutant::kNone, 3, 300), 0u);
}

}  // namespace
}  // namespace kappa::raft
