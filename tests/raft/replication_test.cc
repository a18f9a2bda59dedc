// What several real cores do for one that is behind, damaged, full or reading.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/raft/cluster.h"

namespace kappa::raft {
namespace {

ClusterOptions ThreeVoters() {
  ClusterOptions options;
  options.voters = 3;
  options.seed = 1;
  options.core.request_entries_max = 8;
  options.core.catch_up_entries = 40;
  options.core.base_chunk_bytes = 100;
  return options;
}

class ReplicationTest : public testing::Test {
 protected:
  // Replica 0 leads.
  void Start(const ClusterOptions& options) {
    cluster_ = std::make_unique<Cluster>(options);
    cluster_->Campaign(0);
    Run(3);
    ASSERT_EQ(cluster_->core(0).role(), Role::kLeader);
  }
  void Run(size_t ticks) {
    cluster_->Settle();
    for (size_t tick = 0; tick < ticks; ++tick) {
      for (size_t i = 0; i < cluster_->size(); ++i) {
        if (cluster_->alive(i)) cluster_->Tick(i);
      }
      cluster_->Settle();
    }
    EXPECT_EQ(cluster_->checker().breach(), "");
  }
  void Propose(size_t entries) {
    for (size_t n = 0; n < entries; ++n) {
      ASSERT_TRUE(cluster_->Propose(0, 10).ok());
      if (n % 16 == 0) cluster_->Settle();
    }
    cluster_->Settle();
  }
  void Isolate(size_t i, bool cut) {
    for (size_t other = 0; other < cluster_->size(); ++other) {
      cluster_->Cut(i, other, cut);
      cluster_->Cut(other, i, cut);
    }
  }
  Core& core(size_t i) { return cluster_->core(i); }
  PeerStatus Peer(size_t position) { return core(0).peers().at(position); }
  void ExpectEqualLogs() {
    for (size_t i = 0; i < cluster_->size(); ++i) {
      EXPECT_EQ(core(i).last(), core(0).last());
      EXPECT_EQ(core(i).readable(), core(0).last().index);
    }
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ReplicationTest, AReplicaFarBehindFetchesFromAFollower) {
  Start(ThreeVoters());
  Isolate(2, true);
  Propose(300);
  Isolate(2, false);
  // The leader sends it no entry in bulk; the other follower does.
  bool caught_up_from_follower = false;
  for (int tick = 0; tick < 40 && core(2).last() != core(0).last(); ++tick) {
    for (size_t i = 0; i < 3; ++i) cluster_->Tick(i);
    for (size_t i = 0; i < 3; ++i) cluster_->Drain(i);
    caught_up_from_follower |=
        Peer(1).donor == ReplicaId{NodeId(2), Incarnation(1)};
    cluster_->Settle();
  }
  Run(3);
  EXPECT_TRUE(caught_up_from_follower);
  EXPECT_EQ(Peer(1).state, PeerState::kReplicate);
  ExpectEqualLogs();
}

TEST_F(ReplicationTest, CatchingUpGoesOnAfterARestart) {
  Start(ThreeVoters());
  Isolate(2, true);
  Propose(300);
  Isolate(2, false);
  // A few fetches, then the process dies with what it had synced.
  for (int tick = 0; tick < 4; ++tick) {
    for (size_t i = 0; i < 3; ++i) cluster_->Tick(i);
    for (size_t i = 0; i < 3; ++i) {
      cluster_->Drain(i);
      while (cluster_->Sync(i)) continue;
      while (cluster_->completions(i) > 0) cluster_->Complete(i, 0, false);
    }
    for (size_t n = cluster_->in_flight(); n > 0; --n) {
      cluster_->Deliver(0, false);
    }
  }
  const LogIndex before = cluster_->disk(2).durable().last().index;
  EXPECT_LT(before, core(0).last().index);
  cluster_->Crash(2, 0);
  cluster_->Restart(2);
  EXPECT_EQ(core(2).last().index, before);
  Run(40);
  ExpectEqualLogs();
}

TEST_F(ReplicationTest, AReplicaBelowTheBaseReceivesItsState) {
  Start(ThreeVoters());
  Isolate(2, true);
  Propose(30);
  ASSERT_TRUE(cluster_->Trim(0, LogIndex(20), 1050).ok());
  Isolate(2, false);
  Run(10);
  EXPECT_EQ(core(2).base().index, LogIndex(20));
  ExpectEqualLogs();
}

TEST_F(ReplicationTest, ABaseGoesOnAfterARestartOfTheReceiver) {
  Start(ThreeVoters());
  Isolate(2, true);
  Propose(30);
  ASSERT_TRUE(cluster_->Trim(0, LogIndex(20), 1050).ok());
  Isolate(2, false);
  // Until a part of the state is durable there.
  for (int step = 0; step < 100 && !cluster_->disk(2).durable().partial_base;
       ++step) {
    for (size_t i = 0; i < 3; ++i) {
      if (step % 5 == 0) cluster_->Tick(i);
      cluster_->Drain(i);
      cluster_->Sync(i);
      while (cluster_->completions(i) > 0) cluster_->Complete(i, 0, false);
    }
    if (cluster_->in_flight() > 0) cluster_->Deliver(0, false);
  }
  ASSERT_TRUE(cluster_->disk(2).durable().partial_base.has_value());
  EXPECT_GT(cluster_->disk(2).durable().partial_base->bytes, 0u);
  cluster_->Crash(2, 0);
  cluster_->Restart(2);
  Run(15);
  EXPECT_EQ(core(2).base().index, LogIndex(20));
  ExpectEqualLogs();
}

// RELIABILITY.md S7.
TEST_F(ReplicationTest, ADamagedEntryIsRepairedFromAnother) {
  Start(ThreeVoters());
  Propose(10);
  Run(2);
  cluster_->Damage(1, LogIndex(4));
  cluster_->Damage(0, LogIndex(5));  // the leader's own
  EXPECT_EQ(core(1).damaged(), std::vector<LogIndex>{LogIndex(4)});
  Run(6);
  EXPECT_TRUE(core(0).damaged().empty());
  EXPECT_TRUE(core(1).damaged().empty());
  EXPECT_TRUE(cluster_->disk(0).durable().damaged.empty());
  EXPECT_EQ(core(0).role(), Role::kLeader);
}

TEST_F(ReplicationTest, ALeaderThatCannotRepairStepsDown) {
  Start(ThreeVoters());
  Propose(10);
  Run(2);
  const Term term = core(0).term();
  cluster_->Damage(0, LogIndex(5));
  cluster_->Damage(1, LogIndex(5));  // only 2 has it, and 2 is away
  Isolate(2, true);
  Run(12);
  EXPECT_NE(core(0).role(), Role::kLeader);
  Isolate(2, false);
  Run(60);
  EXPECT_GT(core(2).term(), term);
  EXPECT_TRUE(core(0).damaged().empty());
  EXPECT_TRUE(core(1).damaged().empty());
}

// RELIABILITY.md S10.
TEST_F(ReplicationTest, AFullFollowerTakesNothingAndGoesOnByItself) {
  Start(ThreeVoters());
  core(2).OnDiskHealth(DiskHealth::kFull);
  const LogIndex before = core(2).last().index;
  Propose(10);
  Run(5);
  EXPECT_EQ(core(2).last().index, before);
  EXPECT_TRUE(Peer(1).full);
  EXPECT_EQ(core(0).committed(), core(0).last().index);
  core(2).OnDiskHealth(DiskHealth::kHealthy);
  Run(3);
  EXPECT_FALSE(Peer(1).full);
  ExpectEqualLogs();
}

TEST_F(ReplicationTest, FollowersReadWhatTheLeaderConfirms) {
  Start(ThreeVoters());
  Propose(5);
  cluster_->Read(1);
  cluster_->Read(2);
  cluster_->Settle();
  EXPECT_EQ(cluster_->reads_confirmed(), 2u);
  // Without a leader that answers, a read is refused in an election time.
  Isolate(2, true);
  cluster_->Read(2);
  Run(10);
  EXPECT_EQ(cluster_->reads_confirmed(), 2u);
  EXPECT_EQ(cluster_->reads_refused(), 1u);
}

}  // namespace
}  // namespace kappa::raft
