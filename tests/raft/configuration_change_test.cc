#include "raft/configuration_change.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "raft/quorum.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

using Step = ConfigurationChange::Step;
using Nodes = std::vector<uint64_t>;
using ReplicaSet = std::set<ReplicaId>;

std::vector<ReplicaId> Ids(const Nodes& nodes) {
  std::vector<ReplicaId> ids;
  for (uint64_t node : nodes) ids.push_back(Replica(node));
  return ids;
}

ConfigurationChange To(Step step, const Nodes& voters,
                       const Nodes& learners = {},
                       const Nodes& promoting = {}) {
  return {step, Ids(voters), Ids(learners), Ids(promoting)};
}

Configuration Of(const Nodes& voters, const Nodes& learners = {},
                 const Nodes& promoting = {}) {
  Configuration configuration;
  configuration.voters = Ids(voters);
  configuration.learners = Ids(learners);
  configuration.promoting = Ids(promoting);
  return configuration;
}

std::string Refusal(const Configuration& present,
                    const ConfigurationChange& change) {
  const absl::Status status = ApplyChange(present, change).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ConfigurationChangeTest, OneVoterMoreOrLessIsSimple) {
  for (const Step step : {Step::kAuto, Step::kSimple}) {
    EXPECT_EQ(*ApplyChange(Voters({1, 2}), To(step, {3, 1, 2})),
              Voters({1, 2, 3}));
    EXPECT_EQ(*ApplyChange(Voters({1, 2, 3}), To(step, {3, 2})),
              Voters({2, 3}));
    EXPECT_EQ(*ApplyChange(Voters({1, 2, 3}), To(step, {2, 3}, {1})),
              Of({2, 3}, {1}));
    EXPECT_EQ(*ApplyChange(Of({1}, {2}), To(step, {1}, {5, 2, 4}, {4})),
              Of({1}, {2, 4, 5}, {4}));
  }
}

TEST(ConfigurationChangeTest, AnythingElseGoesThroughAJointConfiguration) {
  const Configuration joint =
      *ApplyChange(Of({1, 2, 3}, {4}), To(Step::kAuto, {3, 4, 5}, {1, 6}, {6}));
  EXPECT_EQ(joint.voters, Ids({3, 4, 5}));
  EXPECT_EQ(joint.outgoing_voters, Ids({1, 2, 3}));
  EXPECT_EQ(joint.learners, Ids({6}));
  EXPECT_EQ(joint.learners_next, Ids({1}));
  EXPECT_EQ(joint.promoting, Ids({6}));
  EXPECT_TRUE(joint.auto_leave);
  EXPECT_EQ(*ApplyChange(joint, {Step::kLeaveJoint, {}, {}, {}}),
            Of({3, 4, 5}, {1, 6}, {6}));
}

TEST(ConfigurationChangeTest, AJointConfigurationMayBeAskedFor) {
  Configuration joint = *ApplyChange(Voters({1}), To(Step::kEnterJoint, {2}));
  EXPECT_EQ(joint.outgoing_voters, Ids({1}));
  EXPECT_FALSE(joint.auto_leave);
  joint =
      *ApplyChange(Voters({1, 2}), To(Step::kEnterJointAndLeave, {1, 2, 3}));
  EXPECT_EQ(joint.outgoing_voters, Ids({1, 2}));
  EXPECT_TRUE(joint.auto_leave);
}

// RELIABILITY.md S5.
TEST(ConfigurationChangeTest, AReplicaThatMayHaveForgottenIsReplaced) {
  const ReplicaId fresh{NodeId(3), Incarnation(2)};
  ConfigurationChange change = To(Step::kSimple, {1, 2});
  change.learners = {fresh};
  change.promoting = {fresh};
  const Configuration next = *ApplyChange(Voters({1, 2, 3}), change);
  EXPECT_EQ(next.voters, Ids({1, 2}));
  EXPECT_EQ(next.learners, std::vector<ReplicaId>{fresh});
  // The old one does not come back.
  EXPECT_EQ(Refusal(next, To(Step::kSimple, {1, 2, 3})),
            "configuration change: replica 3.1 is older than replica 3.2");
}

TEST(ConfigurationChangeTest, NamesTheRuleThatIsBroken) {
  const Configuration three = Voters({1, 2, 3});
  const std::string prefix = "configuration change: ";
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {}, {1})),
            prefix + "no voter would be left");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1, 2, 1})),
            prefix + "replica 1.1 is named twice");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1}, {5, 5})),
            prefix + "replica 5.1 is named twice");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1, 2}, {2})),
            prefix + "replica 2.1 is named as voter and learner");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1, 2, 3}, {4}, {5})),
            prefix + "replica 5.1 is promoting and no learner");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1, 2}, {3}, {3})),
            prefix + "replica 3.1 is promoting and votes already");
  EXPECT_EQ(Refusal(three, To(Step::kAuto, {1, 2, 3})),
            prefix + "nothing would change");
  EXPECT_EQ(Refusal(three, To(Step::kSimple, {1, 2, 4})),
            prefix + "a simple change of 2 voters");
  EXPECT_EQ(Refusal(three, To(Step::kLeaveJoint, {})),
            prefix + "no joint configuration to leave");
  const Configuration joint = *ApplyChange(three, To(Step::kAuto, {4}));
  EXPECT_EQ(Refusal(joint, To(Step::kAuto, {4, 5})),
            prefix + "the present configuration is joint; it is left first");
  ConfigurationChange both = To(Step::kAuto, {1, 2});
  both.learners = {ReplicaId{NodeId(2), Incarnation(2)}};
  EXPECT_EQ(Refusal(three, both), prefix + "node 2 has two incarnations");
}

// The same rules, said over what each replica is, not over lists.
bool PlainApply(const Configuration& present, const ConfigurationChange& change,
                Configuration* next) {
  const auto in = [](const std::vector<ReplicaId>& list, ReplicaId replica) {
    int count = 0;
    for (ReplicaId other : list) count += other == replica ? 1 : 0;
    return count;
  };
  ReplicaSet all;
  for (const auto* list :
       {&present.voters, &present.outgoing_voters, &present.learners,
        &present.learners_next, &change.voters, &change.learners,
        &change.promoting}) {
    all.insert(list->begin(), list->end());
  }
  *next = Configuration{};
  if (change.step == Step::kLeaveJoint) {
    for (ReplicaId r : all) {
      if (in(present.voters, r)) next->voters.push_back(r);
      if (in(present.learners, r) || in(present.learners_next, r)) {
        next->learners.push_back(r);
      }
      if (in(present.promoting, r)) next->promoting.push_back(r);
    }
    return present.joint();
  }
  if (present.joint() || change.voters.empty()) return false;
  int voters_changed = 0;
  bool anything = false;
  for (ReplicaId r : all) {
    const int votes = in(change.voters, r);
    const int learns = in(change.learners, r);
    const int promotes = in(change.promoting, r);
    const bool voted = in(present.voters, r) > 0;
    if (votes + learns > 1 || promotes > learns) return false;
    if (promotes > 0 && voted) return false;
    for (ReplicaId other : all) {
      if (other == r || other.node != r.node) continue;
      if (votes + learns == 0) continue;
      if (in(change.voters, other) || in(change.learners, other)) return false;
      if ((in(present.voters, other) || in(present.learners, other)) &&
          other > r) {
        return false;
      }
    }
    voters_changed += voted != (votes > 0) ? 1 : 0;
    anything |= voted != (votes > 0) || in(present.learners, r) != learns ||
                in(present.promoting, r) != promotes;
  }
  if (!anything) return false;
  const bool joint = change.step == Step::kEnterJoint ||
                     change.step == Step::kEnterJointAndLeave ||
                     (change.step == Step::kAuto && voters_changed > 1);
  if (!joint && voters_changed > 1) return false;
  for (ReplicaId r : all) {
    const bool voted = in(present.voters, r) > 0;
    if (in(change.voters, r)) next->voters.push_back(r);
    if (joint && voted) next->outgoing_voters.push_back(r);
    if (in(change.learners, r)) {
      (joint && voted ? next->learners_next : next->learners).push_back(r);
    }
    if (in(change.promoting, r)) next->promoting.push_back(r);
  }
  next->auto_leave = joint && change.step != Step::kEnterJoint;
  return true;
}

class RandomChange {
 public:
  explicit RandomChange(uint64_t seed) : random_(seed) {}

  std::vector<ReplicaId> Subset(uint64_t percent) {
    std::vector<ReplicaId> subset;
    for (uint64_t node = 6; node >= 1; --node) {
      if (random_() % 100 >= percent) continue;
      const Incarnation incarnation(random_() % 10 == 0 ? 2 : 1);
      subset.push_back(ReplicaId{NodeId(node), incarnation});
      if (random_() % 200 == 0) subset.push_back(subset.back());
    }
    return subset;
  }
  ConfigurationChange Next() {
    ConfigurationChange change;
    change.step = static_cast<Step>(random_() % 5);
    change.voters = Subset(50);
    change.learners = Subset(15);
    if (random_() % 2 == 0) {
      for (ReplicaId learner : change.learners) {
        if (random_() % 2 == 0) change.promoting.push_back(learner);
      }
    } else if (random_() % 10 == 0) {
      change.promoting = Subset(10);
    }
    return change;
  }

 private:
  std::mt19937_64 random_;
};

TEST(ConfigurationChangeTest, AgreesWithThePlainRulesOnRandomChanges) {
  RandomChange random(1);
  Configuration present = Voters({1, 2, 3});
  int legal = 0;
  int joint = 0;
  for (int run = 0; run < 300000; ++run) {
    const ConfigurationChange change = random.Next();
    Configuration expected;
    const bool expected_legal = PlainApply(present, change, &expected);
    const absl::StatusOr<Configuration> next = ApplyChange(present, change);
    ASSERT_EQ(next.ok(), expected_legal) << run << " " << next.status();
    if (!next.ok()) continue;
    ASSERT_EQ(*next, expected) << run;
    ++legal;
    joint += next->joint() ? 1 : 0;
    present = *next;
  }
  EXPECT_GT(legal, 50000);
  EXPECT_GT(joint, 10000);
}

// Which subsets of nodes 1..5 decide.
std::vector<bool> Winning(const Configuration& configuration) {
  std::vector<bool> winning(32);
  for (uint64_t subset = 0; subset < 32; ++subset) {
    winning[subset] = Quorum(configuration).Count([&](ReplicaId replica) {
      return (subset >> (replica.node.value() - 1)) % 2 != 0 ? Ballot::kGranted
                                                             : Ballot::kRefused;
    }) == VoteResult::kWon;
  }
  return winning;
}

bool Intersect(const Configuration& a, const Configuration& b) {
  const std::vector<bool> wins_a = Winning(a);
  const std::vector<bool> wins_b = Winning(b);
  for (uint64_t i = 0; i < 32; ++i) {
    for (uint64_t j = 0; j < 32; ++j) {
      if ((i & j) == 0 && wins_a[i] && wins_b[j]) return false;
    }
  }
  return true;
}

Nodes NodesOf(uint64_t subset) {
  Nodes nodes;
  for (uint64_t node = 1; node <= 5; ++node) {
    if ((subset >> (node - 1)) % 2 != 0) nodes.push_back(node);
  }
  return nodes;
}

TEST(ConfigurationChangeTest, MajoritiesOfEveryLegalStepShareAVoter) {
  int steps = 0;
  for (uint64_t from = 1; from < 32; ++from) {
    const Configuration present = Of(NodesOf(from));
    for (uint64_t to = 1; to < 32; ++to) {
      for (const Step step : {Step::kAuto, Step::kSimple, Step::kEnterJoint,
                              Step::kEnterJointAndLeave}) {
        const absl::StatusOr<Configuration> next =
            ApplyChange(present, To(step, NodesOf(to)));
        if (!next.ok()) continue;
        ++steps;
        ASSERT_TRUE(Intersect(present, *next)) << from << " " << to;
        if (!next->joint()) continue;
        const absl::StatusOr<Configuration> left =
            ApplyChange(*next, {Step::kLeaveJoint, {}, {}, {}});
        ASSERT_TRUE(left.ok());
        ASSERT_TRUE(Intersect(*next, *left)) << from << " " << to;
        ASSERT_EQ(*left, Of(NodesOf(to)));
      }
    }
  }
  EXPECT_EQ(steps, 3 * (31 * 31 - 31) + 2 * (5 * 16 - 5));
}

// What the joint step is for.
TEST(ConfigurationChangeTest, TwoVotersAtOnceWouldNotIntersect) {
  EXPECT_FALSE(Intersect(Voters({1, 2, 3}), Voters({3, 4, 5})));
}

}  // namespace
}  // namespace kappa::raft
