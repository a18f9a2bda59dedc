#include "raft/quorum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// The same rules, as slowly and plainly as they can be said.
uint64_t PlainReached(const std::vector<ReplicaId>& voters,
                      const std::map<ReplicaId, uint64_t>& reached) {
  uint64_t best = 0;
  for (const auto& [unused, candidate] : reached) {
    size_t count = 0;
    for (ReplicaId voter : voters) {
      count += reached.at(voter) >= candidate ? 1 : 0;
    }
    if (2 * count > voters.size()) best = std::max(best, candidate);
  }
  return best;
}

VoteResult PlainCount(const std::vector<ReplicaId>& voters,
                      const std::map<ReplicaId, Ballot>& ballots) {
  int granted = 0;
  int open = 0;
  for (ReplicaId voter : voters) {
    granted += ballots.at(voter) == Ballot::kGranted ? 1 : 0;
    open += ballots.at(voter) == Ballot::kMissing ? 1 : 0;
  }
  const int size = static_cast<int>(voters.size());
  if (2 * granted > size) return VoteResult::kWon;
  return 2 * (granted + open) > size ? VoteResult::kPending : VoteResult::kLost;
}

void Compare(const Configuration& configuration,
             const std::map<ReplicaId, uint64_t>& reached,
             const std::map<ReplicaId, Ballot>& ballots) {
  const Quorum quorum(configuration);
  uint64_t expected = PlainReached(configuration.voters, reached);
  VoteResult incoming = PlainCount(configuration.voters, ballots);
  if (configuration.joint()) {
    expected = std::min(expected,
                        PlainReached(configuration.outgoing_voters, reached));
    const VoteResult outgoing =
        PlainCount(configuration.outgoing_voters, ballots);
    if (outgoing == VoteResult::kLost || incoming == VoteResult::kLost) {
      incoming = VoteResult::kLost;
    } else if (outgoing != incoming) {
      incoming = VoteResult::kPending;
    }
  }
  ASSERT_EQ(
      quorum.ReachedByMajority([&](ReplicaId r) { return reached.at(r); }),
      expected);
  ASSERT_EQ(quorum.Count([&](ReplicaId r) { return ballots.at(r); }), incoming);
}

std::vector<ReplicaId> RandomSubset(std::mt19937_64& random, uint64_t nodes) {
  std::vector<ReplicaId> subset;
  for (uint64_t node = 1; node <= nodes; ++node) {
    if (random() % 2 == 0) subset.push_back(Replica(node));
  }
  return subset;
}

TEST(QuorumTest, AgreesWithThePlainRulesUpToFiveVotersExhaustively) {
  for (size_t size = 1; size <= 5; ++size) {
    Configuration configuration;
    for (size_t i = 0; i < size; ++i) {
      configuration.voters.push_back(Replica(i + 1));
    }
    size_t cases = 1;
    for (size_t i = 0; i < size; ++i) cases *= 3;
    for (size_t reach = 0; reach < cases; ++reach) {
      std::map<ReplicaId, uint64_t> reached;
      std::map<ReplicaId, Ballot> ballots;
      size_t digits = reach;
      for (ReplicaId voter : configuration.voters) {
        reached[voter] = digits % 3 * 10;
        ballots[voter] = static_cast<Ballot>(digits % 3);
        digits /= 3;
      }
      Compare(configuration, reached, ballots);
    }
  }
}

TEST(QuorumTest, AgreesWithThePlainRulesOnRandomConfigurations) {
  std::mt19937_64 random(1);
  int joint = 0;
  for (int run = 0; run < 60000; ++run) {
    Configuration configuration;
    configuration.voters = RandomSubset(random, 9);
    configuration.outgoing_voters = RandomSubset(random, 9);
    configuration.learners = RandomSubset(random, 9);
    joint += configuration.joint() ? 1 : 0;
    std::map<ReplicaId, uint64_t> reached;
    std::map<ReplicaId, Ballot> ballots;
    for (uint64_t node = 1; node <= 9; ++node) {
      reached[Replica(node)] = random() % 8;
      ballots[Replica(node)] = static_cast<Ballot>(random() % 3);
    }
    Compare(configuration, reached, ballots);
  }
  EXPECT_GT(joint, 50000);
}

TEST(QuorumTest, DecidesNothingWithoutVoters) {
  Configuration configuration;
  configuration.learners = {Replica(1)};
  const Quorum quorum(configuration);
  EXPECT_EQ(quorum.ReachedByMajority([](ReplicaId) { return uint64_t{9}; }),
            0u);
  EXPECT_EQ(quorum.Count([](ReplicaId) { return Ballot::kGranted; }),
            VoteResult::kLost);
}

TEST(QuorumTest, KnowsVotersAndMembers) {
  Configuration configuration;
  configuration.voters = {Replica(1), Replica(3)};
  configuration.outgoing_voters = {Replica(1), Replica(2)};
  configuration.learners = {Replica(4)};
  EXPECT_TRUE(IsVoter(configuration, Replica(1)));
  EXPECT_TRUE(IsVoter(configuration, Replica(2)));
  EXPECT_TRUE(IsVoter(configuration, Replica(3)));
  EXPECT_FALSE(IsVoter(configuration, Replica(4)));
  // Another incarnation of a node is another voter.
  EXPECT_FALSE(IsVoter(configuration, ReplicaId{NodeId(1), Incarnation(2)}));
  EXPECT_EQ(
      Members(configuration),
      (std::vector<ReplicaId>{Replica(1), Replica(2), Replica(3), Replica(4)}));
}

}  // namespace
}  // namespace kappa::raft
