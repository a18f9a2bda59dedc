// Deliberate bugs of the core that the random runs see by a property, and that
// the same seeds do not show without them.
#include "raft/mutant.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>

#include "raft/core.h"
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

// Whether a replica that holds 2/2 damaged takes another entry in its place,
// with the same chain since neither has content of users.
bool TakesRepairOfAnotherEntry() {
  CoreOptions options;
  options.self = ReplicaId{NodeId(1), Incarnation(1)};
  const ReplicaId other{NodeId(2), Incarnation(1)};
  RestoredState restored;
  restored.base.configuration.voters = {options.self, other};
  restored.hard_state.term = Term(2);
  restored.last = EntryId{Term(2), LogIndex(2)};
  restored.term_starts = {EntryId{Term(1), LogIndex(1)}, restored.last};
  Core core(options, restored);
  core.OnEntryDamaged(LogIndex(2), Digest{7});
  Message response;
  response.type = MessageType::kRepairResponse;
  response.from = other;
  response.to = options.self;
  response.term = Term(2);
  response.granted = true;
  response.chain = Digest{7};
  response.entries.emplace_back().id = EntryId{Term(1), LogIndex(2)};
  core.Step(response);
  for (const Persist& persist : core.TakeOutput().persists) {
    if (!persist.repairs.empty()) return true;
  }
  return false;
}

// The scenarios' chains cover the term, so they cannot show it.
TEST(MutantTest, ARepairUncheckedIsSeen) {
  EXPECT_FALSE(TakesRepairOfAnotherEntry());
  active_mutant = Mutant::kRepairUnchecked;
  const bool taken = TakesRepairOfAnotherEntry();
  active_mutant = Mutant::kNone;
  EXPECT_TRUE(taken) << "kRepairUnchecked survives";
}

}  // namespace
}  // namespace kappa::raft
