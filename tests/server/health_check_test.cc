#include "server/health_check.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metadata_group.h"

namespace kappa::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr GroupId kGroup{7};

ReplicaId On(uint64_t node) { return {NodeId(node), Incarnation(1)}; }

// Node 1 of three leads the only partition of "orders"; all is well.
class HealthCheckTest : public testing::Test {
 protected:
  HealthCheckTest() {
    facts_.self = NodeId(1);
    facts_.now_us = 1'000'000'000;
    auto topic = std::make_shared<TopicSnapshot>();
    topic->topic.set_name("orders");
    topic->groups = {kGroup};
    facts_.topics = {topic};
    for (const GroupId group : {kMetadataGroup, kGroup}) {
      GroupView& view = facts_.groups[group];
      view.leads = true;
      view.leader = NodeId(1);
      view.term = Term(3);
      view.last = view.committed = LogIndex(50);
      view.configuration.voters = {On(1), On(2), On(3)};
      for (const uint64_t node : {2, 3}) {
        view.peers.push_back({.id = On(node),
                              .state = raft::PeerState::kReplicate,
                              .voter = true,
                              .active = true,
                              .match = LogIndex(50),
                              .next = LogIndex(51),
                              .donor = std::nullopt});
      }
    }
  }

  v1::GetHealthResponse Check() { return CheckHealth(facts_, &lags_); }
  GroupView& group() { return facts_.groups[kGroup]; }
  raft::PeerStatus& peer(uint64_t node) {
    return group().peers[node == 2 ? 0 : 1];
  }

  HealthFacts facts_;
  LagTracker lags_;
};

TEST_F(HealthCheckTest, NothingIsWrong) {
  const v1::GetHealthResponse health = Check();
  EXPECT_TRUE(health.healthy()) << health.DebugString();
  EXPECT_EQ(health.node_id(), 1u);
  EXPECT_EQ(health.replicas(), 1u);
}

TEST_F(HealthCheckTest, OneSilentNodeOfThreeCostsNoQuorum) {
  facts_.silent[NodeId(3)] = 900;
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 1);
  EXPECT_EQ(health.problems(0).kind(), v1::HEALTH_PROBLEM_KIND_NODE_NOT_HEARD);
  EXPECT_THAT(health.problems(0).nodes(), ElementsAre(3));
  EXPECT_EQ(health.problems(0).since_time_us(), 900);
}

TEST_F(HealthCheckTest, ANodeThatWaitsForAPlaceIsNamed) {
  WaitingNodes waiting;
  raft::v1::ProbeRequest probe;
  probe.mutable_self()->set_node_id(4);
  probe.mutable_self()->set_address("host:7500");
  waiting.Note(probe, 5);  // it does not know yet what it waits for
  EXPECT_TRUE(waiting.All(5).empty());
  probe.set_waits_for("somebody to add it");
  waiting.Note(probe, 10);
  waiting.Note(probe, 20);
  facts_.waiting = waiting.All(20);
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 1);
  EXPECT_EQ(health.problems(0).kind(), v1::HEALTH_PROBLEM_KIND_NODE_WAITS);
  EXPECT_EQ(health.problems(0).message(),
            "node 4 at host:7500 has an empty directory and waits: somebody to "
            "add it");
  EXPECT_EQ(health.problems(0).since_time_us(), 10);
  EXPECT_TRUE(waiting.All(21 + WaitingNodes::kForgetUs).empty());
}

TEST_F(HealthCheckTest, WhatWasSetAsideIsNamed) {
  facts_.set_aside = {
      {.path = "/d/set-aside-1", .bytes = 5'000, .since_us = 30}};
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 1);
  EXPECT_EQ(health.problems(0).kind(), v1::HEALTH_PROBLEM_KIND_SET_ASIDE);
  EXPECT_THAT(health.problems(0).message(),
              HasSubstr("node 1 has set aside /d/set-aside-1 (5000 bytes)"));
  EXPECT_THAT(health.problems(0).nodes(), ElementsAre(1));
  EXPECT_EQ(health.problems(0).since_time_us(), 30);
}

TEST_F(HealthCheckTest, WithoutAQuorumTheNodesThatAreNeededAreNamed) {
  facts_.silent[NodeId(2)] = 900;
  facts_.silent[NodeId(3)] = 500;
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 4);
  EXPECT_EQ(health.problems(2).topic(), "");
  EXPECT_THAT(health.problems(2).message(), HasSubstr("metadata: no quorum"));
  const v1::HealthProblem& problem = health.problems(3);
  EXPECT_EQ(problem.kind(), v1::HEALTH_PROBLEM_KIND_NO_QUORUM);
  EXPECT_TRUE(problem.in_group());
  EXPECT_EQ(problem.topic(), "orders");
  EXPECT_THAT(problem.nodes(), ElementsAre(2, 3));
  EXPECT_EQ(problem.since_time_us(), 900);
  EXPECT_EQ(problem.message(),
            "orders/0: no quorum of 3 voters: nodes 2, 3 are needed and not "
            "heard");
}

// Node 2 is heard, but its disk that votes here has given up its place.
TEST_F(HealthCheckTest, ADiskThatWasReplacedIsNoVoterThatIsHeard) {
  facts_.incarnations = {{NodeId(1), Incarnation(1)},
                         {NodeId(2), Incarnation(2)},
                         {NodeId(3), Incarnation(1)}};
  EXPECT_TRUE(Check().healthy());
  facts_.silent[NodeId(3)] = 500;
  v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 3);
  const v1::HealthProblem& problem = health.problems(2);
  EXPECT_EQ(problem.kind(), v1::HEALTH_PROBLEM_KIND_NO_QUORUM);
  EXPECT_THAT(problem.nodes(), ElementsAre(3));
  EXPECT_EQ(problem.message(),
            "orders/0: no quorum of 3 voters: node 3 is needed and not heard; "
            "the voting disk of node 2 was replaced");
  EXPECT_EQ(problem.since_time_us(), 500);
  // Nothing helps any more.
  facts_.incarnations[NodeId(3)] = Incarnation(2);
  facts_.silent.clear();
  health = Check();
  EXPECT_THAT(health.problems(health.problems_size() - 1).message(),
              HasSubstr("the voting disk of nodes 2, 3 was replaced"));
  EXPECT_TRUE(health.problems(health.problems_size() - 1).nodes().empty());
}

TEST_F(HealthCheckTest, AJointConfigurationNeedsBothMajorities) {
  group().configuration.outgoing_voters = {On(1), On(4)};
  facts_.silent[NodeId(4)] = 0;
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 2);
  EXPECT_EQ(health.problems(1).kind(), v1::HEALTH_PROBLEM_KIND_NO_QUORUM);
  EXPECT_THAT(health.problems(1).nodes(), ElementsAre(4));
}

TEST_F(HealthCheckTest, AGroupWithoutALeaderIsAProblem) {
  group().leader.reset();
  group().leads = false;
  group().peers.clear();
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 1);
  EXPECT_EQ(health.problems(0).message(),
            "orders/0: no leader is known in term 3");
}

TEST_F(HealthCheckTest, AReplicaBehindIsToldWithTheReason) {
  const auto problem = [&] {
    const v1::GetHealthResponse health = Check();
    return health.problems_size() == 0 ? v1::HealthProblem()
                                       : *health.problems().rbegin();
  };
  peer(2).match = LogIndex(40);
  EXPECT_EQ(problem().message(), "");  // it is on its way

  peer(2).state = raft::PeerState::kCatchUp;
  EXPECT_EQ(problem().message(),
            "orders/0: the replica on node 2 is behind by 10 entries: it "
            "catches up");
  EXPECT_EQ(problem().entries_behind(), 10u);
  EXPECT_EQ(problem().activity(), v1::REPLICA_ACTIVITY_CATCHES_UP);

  EXPECT_EQ(problem().bytes_behind(), 0u);  // not known

  group().bytes_behind[On(2)] = 5'000;
  EXPECT_EQ(problem().message(),
            "orders/0: the replica on node 2 is behind by 10 entries, about "
            "5000 bytes: it catches up");
  EXPECT_EQ(problem().bytes_behind(), 5'000u);
  group().bytes_behind[On(2)] = 20 << 10;
  EXPECT_THAT(problem().message(), HasSubstr("10 entries, about 20 KiB:"));
  group().bytes_behind[On(2)] = uint64_t{30} << 20;
  EXPECT_THAT(problem().message(), HasSubstr("10 entries, about 30 MiB:"));

  peer(2).full = true;
  EXPECT_THAT(problem().message(), HasSubstr("its disk is full"));

  peer(2).active = false;
  EXPECT_THAT(problem().message(), HasSubstr("it is not connected"));

  facts_.silent[NodeId(2)] = 900;
  EXPECT_THAT(problem().message(), HasSubstr("it is not connected"));
  EXPECT_EQ(problem().since_time_us(), 900);
}

TEST_F(HealthCheckTest, InAGroupThatSleepsNobodyIsMissed) {
  group().quiescent = true;
  peer(2).active = false;
  EXPECT_TRUE(Check().healthy());
}

TEST_F(HealthCheckTest, WhoStaysBehindIsSlow) {
  peer(2).match = LogIndex(49);
  EXPECT_TRUE(Check().healthy());
  facts_.now_us += LagTracker::kLagUs;
  const v1::GetHealthResponse slow = Check();
  ASSERT_EQ(slow.problems_size(), 1);
  EXPECT_EQ(slow.problems(0).message(),
            "orders/0: the replica on node 2 is behind by 1 entry: its disk or "
            "the network is slow");
  EXPECT_EQ(slow.problems(0).since_time_us(), 1'000'000'000);
  // Who gets on is not behind, however much comes meanwhile.
  peer(2).match = LogIndex(50);
  group().committed = LogIndex(90);
  EXPECT_TRUE(Check().healthy());
  facts_.now_us += LagTracker::kLagUs;
  peer(2).match = LogIndex(89);
  peer(3).match = LogIndex(90);
  EXPECT_FALSE(Check().healthy());
  peer(2).match = LogIndex(90);
  EXPECT_TRUE(Check().healthy());
}

TEST_F(HealthCheckTest, DamagedEntriesAreNamed) {
  // The topic of the last one is gone.
  for (const GroupId group : {kGroup, kMetadataGroup, GroupId(99)}) {
    facts_.damage.push_back(
        {ReplicaNumber(2), group, LogIndex(3), LogIndex(4), "checksum"});
  }
  const v1::GetHealthResponse health = Check();
  ASSERT_EQ(health.problems_size(), 2);
  EXPECT_EQ(health.problems(1).message(),
            "metadata: entries 3 to 4 are damaged on node 1: checksum; whole "
            "ones are asked of the other nodes");
  EXPECT_EQ(health.problems(0).kind(), v1::HEALTH_PROBLEM_KIND_DAMAGED);
  EXPECT_EQ(health.problems(0).message(),
            "orders/0: entries 3 to 4 are damaged on node 1: checksum; no "
            "other node has them");
}

TEST_F(HealthCheckTest, NoMoreThanAThousandAreListed) {
  auto topic = std::make_shared<TopicSnapshot>();
  topic->topic.set_name("orders");
  GroupView leaderless = group();
  leaderless.leader.reset();
  leaderless.peers.clear();
  facts_.groups.clear();
  for (uint64_t i = 1; i <= 1'500; ++i) {
    topic->groups.emplace_back(i);
    facts_.groups[GroupId(i)] = leaderless;
  }
  facts_.topics = {topic};
  const v1::GetHealthResponse health = Check();
  EXPECT_EQ(health.problems_size(), 1'000);
  EXPECT_EQ(health.more_problems(), 500u);
  EXPECT_FALSE(health.healthy());
}

}  // namespace
}  // namespace kappa::server
