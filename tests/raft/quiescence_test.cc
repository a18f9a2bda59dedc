// Groups that sleep while they have nothing to do.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "raft/core.h"
#include "raft/node_liveness.h"
#include "tests/raft/cluster.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

constexpr size_t kElection = 10;

// Group 7 of three voters: replica 2 leads first. Sleeps after 5 ticks.
class QuiescenceTest : public testing::Test {
 protected:
  void SetUp() override { Start(0); }
  void Start(size_t outsiders) {
    ClusterOptions options;
    options.voters = 3;
    options.outsiders = outsiders;
    options.core.election_ticks = kElection;
    options.core.quiesce_ticks = 5;
    options.core.lease_ticks = 4;
    cluster_.emplace(options);
    cluster_->Run(2);
    ASSERT_EQ(cluster_->Leader(), 1u);
  }
  void TearDown() override { EXPECT_EQ(cluster_->checker().breach(), ""); }
  Core& core(uint64_t id) { return cluster_->core(id - 1); }
  bool AllAsleep() {
    for (uint64_t id = 1; id <= 3; ++id) {
      if (!core(id).quiescent()) return false;
    }
    return true;
  }

  std::optional<Cluster> cluster_;
};

TEST_F(QuiescenceTest, AGroupWithNothingToDoNeitherTicksNorSends) {
  EXPECT_FALSE(AllAsleep());
  cluster_->Run(10);
  EXPECT_TRUE(AllAsleep());
  for (int tick = 0; tick < 1000; ++tick) {
    for (uint64_t id = 1; id <= 3; ++id) {
      core(id).Tick();
      ASSERT_FALSE(core(id).HasOutput());
    }
  }
  EXPECT_EQ(core(2).role(), Role::kLeader);
}

TEST_F(QuiescenceTest, AProposalWakesEverybodyAndTheySleepAgain) {
  cluster_->Run(10);
  ASSERT_TRUE(AllAsleep());
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  EXPECT_FALSE(core(2).quiescent());
  cluster_->Run(2);
  EXPECT_FALSE(core(1).quiescent());
  EXPECT_EQ(core(2).committed(), core(2).last().index);
  EXPECT_EQ(core(1).committed(), core(2).last().index);
  cluster_->Run(10);
  EXPECT_TRUE(AllAsleep());
}

TEST_F(QuiescenceTest, ABusyGroupDoesNotSleep) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(cluster_->Propose(1, 10).ok());
    cluster_->Run(1);
    for (uint64_t id = 1; id <= 3; ++id) EXPECT_FALSE(core(id).quiescent());
  }
}

TEST_F(QuiescenceTest, ASleeperHoldsNoLease) {
  EXPECT_TRUE(core(2).holds_lease());
  cluster_->Run(10);
  ASSERT_TRUE(core(2).quiescent());
  EXPECT_FALSE(core(2).holds_lease());
  cluster_->Read(1);
  EXPECT_FALSE(core(2).quiescent());
  EXPECT_EQ(cluster_->reads_confirmed(), 0u);
  cluster_->Settle();
  EXPECT_EQ(cluster_->reads_confirmed(), 1u);
}

// RAFT.md 22.
TEST_F(QuiescenceTest, NobodySleepsWhileAReplicaThatIsThereLacksSomething) {
  cluster_->Isolate(2, true);
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  cluster_->Run(30);
  EXPECT_FALSE(core(2).quiescent());
  EXPECT_EQ(core(2).role(), Role::kLeader);
  // Its node is dead: the others need not stay awake for it.
  core(2).OnNodeLiveness(NodeId(3), false);
  cluster_->Run(10);
  EXPECT_TRUE(core(2).quiescent());
  EXPECT_TRUE(core(1).quiescent());
  // It returns.
  cluster_->Isolate(2, false);
  core(2).OnNodeLiveness(NodeId(3), true);
  EXPECT_FALSE(core(2).quiescent());
  cluster_->Run(20);
  EXPECT_EQ(core(3).committed(), core(2).last().index);
  EXPECT_TRUE(AllAsleep());
}

TEST_F(QuiescenceTest, AFollowerThatMissedTheWordWakesTheLeader) {
  // The last beats do not reach replica 3, its answers come from before.
  cluster_->Run(8);
  ASSERT_TRUE(AllAsleep());
  core(3).OnNodeLiveness(NodeId(2), false);
  core(3).OnNodeLiveness(NodeId(2), true);
  EXPECT_FALSE(core(3).quiescent());
  cluster_->Run(4 * kElection);
  EXPECT_EQ(cluster_->Leader(), 1u);
  EXPECT_EQ(core(2).term(), Term(1));
  EXPECT_TRUE(AllAsleep());
}

TEST_F(QuiescenceTest, WhoseLeadersNodeIsSilentElectsAnother) {
  cluster_->Run(10);
  ASSERT_TRUE(AllAsleep());
  cluster_->Crash(1, 0);
  cluster_->Run(5 * kElection);
  EXPECT_FALSE(cluster_->Leader().has_value());
  core(1).OnNodeLiveness(NodeId(2), false);
  core(3).OnNodeLiveness(NodeId(2), false);
  EXPECT_FALSE(core(1).quiescent());
  cluster_->Run(5 * kElection);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_NE(*cluster_->Leader(), 1u);
}

TEST_F(QuiescenceTest, AReplicaThatStartsAsksForTheLeaderAndSleeps) {
  cluster_->Run(10);
  ASSERT_TRUE(AllAsleep());
  cluster_->Crash(2, 0);
  cluster_->Restart(2);
  EXPECT_EQ(core(3).leader(), std::nullopt);
  cluster_->Run(kElection / 2 + 1);
  EXPECT_EQ(core(3).leader(), Replica(2));
  EXPECT_EQ(core(3).term(), Term(1));
  cluster_->Run(10);
  EXPECT_TRUE(AllAsleep());
}

TEST_F(QuiescenceTest, StrangersWakeNobody) {
  cluster_->Run(10);
  ASSERT_TRUE(AllAsleep());
  core(2).Step(MessageOf(MessageType::kLeaderQuery, 9, 2, 1));
  core(1).Step(MessageOf(MessageType::kLeaderQuery, 3, 1, 1));
  EXPECT_TRUE(AllAsleep());
}

TEST_F(QuiescenceTest, APromotionIsFinishedFirst) {
  Start(1);
  ConfigurationChange change;
  change.voters = Voters({1, 2, 3}).voters;
  change.learners = Voters({4}).voters;
  change.promoting = change.learners;
  cluster_->Isolate(3, true);
  ASSERT_TRUE(core(2).ProposeConfiguration(change).ok());
  cluster_->Run(40);
  EXPECT_FALSE(core(2).quiescent());
  cluster_->Isolate(3, false);
  cluster_->Run(60);
  EXPECT_EQ(core(2).configuration(), Voters({1, 2, 3, 4}));
  EXPECT_TRUE(AllAsleep());
}

TEST(NodeLivenessTest, NodesAreAliveUntilTheyAreReported) {
  NodeLiveness nodes;
  EXPECT_TRUE(nodes.alive(NodeId(1)));
  nodes.Record(NodeId(1), false);
  nodes.Record(NodeId(1), false);
  EXPECT_FALSE(nodes.alive(NodeId(1)));
  EXPECT_TRUE(nodes.alive(NodeId(2)));
  nodes.Record(NodeId(1), true);
  EXPECT_TRUE(nodes.alive(NodeId(1)));
}

}  // namespace
}  // namespace kappa::raft
