#include "server/membership.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using testing::IsEmpty;

ReplicaId Replica(uint64_t node) { return {NodeId(node), Incarnation(1)}; }

std::vector<ReplicaId> Replicas(const std::vector<uint64_t>& nodes) {
  std::vector<ReplicaId> replicas;
  for (const uint64_t node : nodes) replicas.push_back(Replica(node));
  return replicas;
}

raft::Configuration Present(const std::vector<uint64_t>& voters,
                            const std::vector<uint64_t>& learners = {}) {
  raft::Configuration present;
  present.voters = Replicas(voters);
  present.learners = Replicas(learners);
  return present;
}

raft::PeerStatus Peer(ReplicaId id, bool active) {
  raft::PeerStatus peer;
  peer.id = id;
  peer.active = active;
  return peer;
}

// Steps until nothing is left to do, each of them legal; learners that are
// promoted catch up at once.
raft::Configuration After(raft::Configuration present, const Members& wanted) {
  for (int step = 0; step < 10; ++step) {
    const auto change = NextChange(present, wanted);
    if (!change.has_value()) return present;
    auto next = raft::ApplyChange(present, *change);
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok()) return present;
    present = *next;
    present.outgoing_voters.clear();
    present.learners_next.clear();
    present.auto_leave = false;
    while (!present.promoting.empty()) {
      raft::ConfigurationChange promote;
      promote.voters = present.voters;
      promote.voters.push_back(present.promoting.front());
      std::sort(promote.voters.begin(), promote.voters.end());
      promote.learners = present.learners;
      std::erase(promote.learners, present.promoting.front());
      promote.promoting = present.promoting;
      promote.promoting.erase(promote.promoting.begin());
      next = raft::ApplyChange(present, promote);
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok()) return present;
      present = *next;
    }
  }
  ADD_FAILURE() << "it does not end";
  return present;
}

TEST(MembershipTest, WhoIsNewLearnsFirst) {
  const auto change = NextChange(Present({1}), {Replicas({1, 2, 3}), {}});
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->voters, Replicas({1}));
  EXPECT_EQ(change->learners, Replicas({2, 3}));
  EXPECT_EQ(change->promoting, Replicas({2, 3}));
}

TEST(MembershipTest, NothingIsDoneTwice) {
  EXPECT_FALSE(
      NextChange(Present({1, 2, 3}), {Replicas({1, 2, 3}), {}}).has_value());
  raft::Configuration promoting = Present({1}, {2});
  promoting.promoting = Replicas({2});
  EXPECT_FALSE(NextChange(promoting, {Replicas({1, 2}), {}}).has_value());
  raft::Configuration joint = Present({2, 3});
  joint.outgoing_voters = Replicas({1});
  EXPECT_FALSE(NextChange(joint, {Replicas({2, 3}), {}}).has_value());
}

// A learner that never comes keeps nobody from being wanted instead of it.
TEST(MembershipTest, AWishMayChangeUnderWay) {
  raft::Configuration promoting = Present({1}, {2, 3});
  promoting.promoting = Replicas({2, 3});
  const auto change = NextChange(promoting, {Replicas({1, 2, 4}), {}});
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->voters, Replicas({1}));
  EXPECT_EQ(change->learners, Replicas({2, 4}));
  EXPECT_EQ(change->promoting, Replicas({2, 4}));
  const auto back = NextChange(promoting, {Replicas({1}), {}});
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->voters, Replicas({1}));
  EXPECT_TRUE(back->learners.empty());
}

TEST(MembershipTest, EveryWishIsReached) {
  const std::vector<std::vector<uint64_t>> sets = {
      {1}, {2}, {1, 2, 3}, {3, 4, 5}, {2, 3, 4, 5, 6}, {1, 6}};
  for (const auto& from : sets) {
    for (const auto& to : sets) {
      const raft::Configuration end = After(Present(from), {Replicas(to), {}});
      EXPECT_EQ(end.voters, Replicas(to));
      EXPECT_THAT(end.learners, IsEmpty());
    }
  }
}

// Node 2 leads 1, 2 and 3; nodes 1 and 2 shall stay.
TEST(MembershipTest, AMajorityOfThoseThatStayMustBeHeard) {
  const std::vector<ReplicaId> staying = Replicas({1, 2});
  const auto hears = [&staying](bool one, bool three) {
    return HearsMajority(staying, Replica(2),
                         {Peer(Replica(1), one), Peer(Replica(3), three)},
                         /*quiescent=*/false, /*silent=*/{});
  };
  EXPECT_TRUE(hears(true, true));
  EXPECT_FALSE(hears(false, true));
  EXPECT_TRUE(hears(true, false)) << "who goes may be dead";
}

TEST(MembershipTest, InAGroupThatSleepsNodesThatAreNotSilentAreHeard) {
  const std::vector<raft::PeerStatus> peers = {Peer(Replica(1), false),
                                               Peer(Replica(3), false)};
  const auto hears = [&peers](bool quiescent, const std::set<NodeId>& silent) {
    return HearsMajority(Replicas({1, 2}), Replica(2), peers, quiescent,
                         silent);
  };
  EXPECT_TRUE(hears(true, {}));
  EXPECT_TRUE(hears(true, {NodeId(3)}));
  EXPECT_FALSE(hears(true, {NodeId(1)}));
  EXPECT_FALSE(hears(false, {}));
}

TEST(MembershipTest, ALeaderThatGoesDoesNotCount) {
  const auto hears = [](bool one, bool two) {
    return HearsMajority(Replicas({1, 2}), Replica(3),
                         {Peer(Replica(1), one), Peer(Replica(2), two)},
                         /*quiescent=*/false, /*silent=*/{});
  };
  EXPECT_TRUE(hears(true, true));
  EXPECT_FALSE(hears(true, false));
}

TEST(MembershipTest, ASoleVoterHearsItsMajority) {
  EXPECT_TRUE(HearsMajority(Replicas({1}), Replica(1), {},
                            /*quiescent=*/false, /*silent=*/{}));
}

// Node 3 lost its disk: its former incarnation had no vote to give any more. To
// wait for the others would only leave the group without a spare for longer.
TEST(MembershipTest, AFormerIncarnationIsNotWaitedFor) {
  const ReplicaId next = {NodeId(3), Incarnation(2)};
  const raft::Configuration present = Present({1, 2, 3});
  const auto change =
      NextChange(present, {{Replica(1), Replica(2), next}, /*learners=*/{}});
  ASSERT_TRUE(change.has_value());
  EXPECT_FALSE(TakesVotersAway(present, *change));
}

TEST(MembershipTest, WhoIsNotWantedAnyMoreLosesAVote) {
  const raft::Configuration present = Present({1, 2, 3});
  const auto fewer =
      NextChange(present, {{Replica(1), Replica(2)}, /*learners=*/{}});
  ASSERT_TRUE(fewer.has_value());
  EXPECT_TRUE(TakesVotersAway(present, *fewer));
  const auto learner = NextChange(
      present,
      {{Replica(1), Replica(2), Replica(3), Replica(4)}, /*learners=*/{}});
  ASSERT_TRUE(learner.has_value());
  EXPECT_FALSE(TakesVotersAway(present, *learner));
}

TEST(MembershipTest, FiveNodesVoteOnMetadata) {
  std::vector<NodeInfo> nodes;
  for (const uint64_t node : {7, 2, 3, 9, 4, 5, 1}) {
    nodes.emplace_back().node = NodeId(node);
  }
  const Members members = MetadataMembers(nodes);
  EXPECT_EQ(members.voters, Replicas({1, 2, 3, 4, 5}));
  EXPECT_EQ(members.learners, Replicas({7, 9}));
  const raft::Configuration end = After(Present({1}), members);
  EXPECT_EQ(end.voters, members.voters);
  EXPECT_EQ(end.learners, members.learners);
}

TEST(MembershipTest, AReplacedNodeVotesOnMetadataAsItsNextIncarnation) {
  std::vector<NodeInfo> nodes(3);
  for (uint64_t i = 0; i < 3; ++i) nodes[i].node = NodeId(i + 1);
  nodes[2].incarnation = Incarnation(2);
  const Members members = MetadataMembers(nodes);
  const std::vector<ReplicaId> wanted = {
      Replica(1), Replica(2), {NodeId(3), Incarnation(2)}};
  EXPECT_EQ(members.voters, wanted);
  EXPECT_EQ(After(Present({1, 2, 3}), members).voters, wanted);
}

}  // namespace
}  // namespace kappa::server
