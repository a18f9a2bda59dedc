// Leadership that moves, over whole groups.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "raft/core.h"
#include "tests/raft/cluster.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Group 7 of three voters: replica 2 leads first.
class TransferTest : public testing::Test {
 protected:
  void Start(CoreOptions core = CoreOptions()) {
    ClusterOptions options;
    options.voters = 3;
    options.core = core;
    cluster_.emplace(options);
    cluster_->Run(3);
    ASSERT_EQ(cluster_->Leader(), 1u);
  }
  void TearDown() override { EXPECT_EQ(cluster_->checker().breach(), ""); }
  Core& leader() { return cluster_->core(1); }

  std::optional<Cluster> cluster_;
};

TEST_F(TransferTest, TheTargetLeadsAtOnceInTheNextTerm) {
  Start();
  ASSERT_TRUE(leader().TransferLeadership(Replica(3)).ok());
  EXPECT_TRUE(leader().transferring());
  cluster_->Settle();
  EXPECT_EQ(cluster_->Leader(), 2u);
  EXPECT_EQ(cluster_->core(2).term(), Term(2));
  EXPECT_FALSE(leader().transferring());
  EXPECT_EQ(leader().role(), Role::kFollower);
}

TEST_F(TransferTest, TakesNoProposalsMeanwhileAndAllAgainAfterwards) {
  CoreOptions core;
  core.check_quorum = false;
  Start(core);
  cluster_->Isolate(2, true);
  ASSERT_TRUE(leader().TransferLeadership(Replica(3)).ok());
  EXPECT_TRUE(absl::IsUnavailable(cluster_->Propose(1, 10).status()));
  EXPECT_TRUE(absl::IsUnavailable(
      leader().ProposeConfiguration(ConfigurationChange{}).status()));
  cluster_->Run(9);
  EXPECT_TRUE(leader().transferring());
  // RAFT.md 29: it ends.
  leader().Tick();
  EXPECT_EQ(leader().TakeOutput().transfer_ended, TransferResult::kTimedOut);
  EXPECT_TRUE(cluster_->Propose(1, 10).ok());
}

TEST_F(TransferTest, WaitsUntilTheTargetHasEverything) {
  Start();
  cluster_->Isolate(2, true);
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  cluster_->Run(1);
  ASSERT_TRUE(leader().TransferLeadership(Replica(3)).ok());
  const Output output = leader().TakeOutput();
  for (const Message& message : output.messages) {
    EXPECT_NE(message.type, MessageType::kTimeoutNow);
  }
  cluster_->Isolate(2, false);
  cluster_->Run(5);
  EXPECT_EQ(cluster_->Leader(), 2u);
  EXPECT_EQ(cluster_->core(2).committed(), cluster_->core(2).last().index);
}

TEST_F(TransferTest, ALostCallIsRepeatedByTheNextBeat) {
  Start();
  ASSERT_TRUE(leader().TransferLeadership(Replica(3)).ok());
  const Output lost = leader().TakeOutput();
  ASSERT_EQ(lost.messages.back().type, MessageType::kTimeoutNow);
  cluster_->Run(2);
  EXPECT_EQ(cluster_->Leader(), 2u);
}

TEST_F(TransferTest, WithoutATargetTheBestVoterIsTaken) {
  Start();
  cluster_->Isolate(0, true);
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  cluster_->Run(1);
  ASSERT_TRUE(leader().TransferLeadership(std::nullopt).ok());
  // Repeating it changes nothing.
  EXPECT_TRUE(leader().TransferLeadership(std::nullopt).ok());
  EXPECT_TRUE(leader().TransferLeadership(Replica(3)).ok());
  EXPECT_TRUE(
      absl::IsFailedPrecondition(leader().TransferLeadership(Replica(1))));
  cluster_->Settle();
  EXPECT_EQ(cluster_->Leader(), 2u);
}

TEST_F(TransferTest, RefusesWhoCannotLead) {
  Start();
  EXPECT_TRUE(absl::IsInvalidArgument(leader().TransferLeadership(Replica(2))));
  EXPECT_TRUE(absl::IsInvalidArgument(leader().TransferLeadership(Replica(9))));
  EXPECT_TRUE(
      absl::IsUnavailable(cluster_->core(0).TransferLeadership(Replica(3))));
  cluster_->Isolate(1, true);
  cluster_->Run(9);
  EXPECT_EQ(leader().role(), Role::kLeader);
  leader().Tick();
  EXPECT_FALSE(leader().TransferLeadership(std::nullopt).ok());
}

// RAFT.md 20.
TEST_F(TransferTest, ASlowDiskMovesLeadership) {
  Start();
  leader().OnDiskHealth(DiskHealth::kSlow);
  cluster_->Run(2);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_NE(*cluster_->Leader(), 1u);
  // It does not stand while it is slow.
  cluster_->Isolate(0, true);
  cluster_->Isolate(2, true);
  for (int i = 0; i < 60; ++i) leader().Tick();
  EXPECT_EQ(leader().role(), Role::kFollower);
}

TEST_F(TransferTest, AHungDiskMovesLeadershipAndAStalledStoreDoesNot) {
  CoreOptions core;
  core.write_stall_ticks = 5;
  for (const bool stalled : {true, false}) {
    Start(core);
    if (stalled) leader().OnDiskHealth(DiskHealth::kStalled);
    ASSERT_TRUE(cluster_->Propose(1, 10).ok());
    for (int i = 0; i < 8; ++i) {
      // Everything works but the leader's disk.
      leader().Tick();
      cluster_->Drain(1);
      while (cluster_->in_flight() > 0) {
        cluster_->Deliver(0, false);
        for (size_t other : {size_t{0}, size_t{2}}) {
          cluster_->Drain(other);
          while (cluster_->Sync(other)) continue;
          while (cluster_->completions(other) > 0) {
            cluster_->Complete(other, 0, false);
          }
          cluster_->Drain(other);
        }
        cluster_->Drain(1);
      }
    }
    EXPECT_EQ(leader().role() == Role::kLeader, stalled);
  }
}

TEST_F(TransferTest, AFullDiskMovesLeadershipIfAnotherHasRoom) {
  Start();
  for (size_t i = 0; i < 3; ++i) {
    cluster_->core(i).OnDiskHealth(DiskHealth::kFull);
  }
  cluster_->core(2).OnDiskHealth(DiskHealth::kHealthy);
  cluster_->Run(3);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_NE(*cluster_->Leader(), 1u);
}

TEST_F(TransferTest, AHigherPriorityTakesOverOnceItKeepsUp) {
  Start();
  // Replica 3 says it is preferred.
  CoreOptions low = OptionsOf(1);
  low.priority = 1;
  Core core(low, Restored(Voters({1, 2}), {1}));
  core.Campaign();
  Message grant = MessageOf(MessageType::kPreVoteResponse, 2, 1, 1);
  grant.granted = true;
  core.Step(grant);
  core.OnPersisted(core.TakeOutput().persists.at(0).token);
  core.Step(VoteResponse(2, 1, 2, true));
  ASSERT_EQ(core.role(), Role::kLeader);
  core.OnPersisted(core.TakeOutput().persists.at(0).token);
  bool called = false;
  for (uint64_t tick = 1; tick < 40 && !called; ++tick) {
    core.Tick();
    core.CheckInvariants();
    for (const Message& message : core.TakeOutput().messages) {
      called |= message.type == MessageType::kTimeoutNow;
      if (message.type != MessageType::kAppendRequest) continue;
      Message response = AppendAccepted(2, 1, 2, 2);
      response.beat = message.beat;
      response.priority = 3;
      core.Step(response);
    }
    EXPECT_TRUE(!called || tick > 10);
  }
  EXPECT_TRUE(called);
}

TEST_F(TransferTest, AHaltedReplicaDoesNothingMore) {
  Start();
  leader().Halt();
  EXPECT_TRUE(leader().halted());
  EXPECT_FALSE(leader().HasOutput());
  for (int i = 0; i < 50; ++i) leader().Tick();
  leader().Step(VoteRequest(1, 2, 9, At(8, 9)));
  leader().Campaign();
  EXPECT_FALSE(leader().HasOutput());
  EXPECT_TRUE(leader().TakeOutput().persists.empty());
  EXPECT_FALSE(cluster_->Propose(1, 10).ok());
  EXPECT_FALSE(leader().RecoverAlone().ok());
  cluster_->Run(30);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_NE(*cluster_->Leader(), 1u);
}

}  // namespace
}  // namespace kappa::raft
