#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/errors.h"
#include "storage/memory_log_store.h"
#include "tests/server/node_driver.h"
#include "tests/server/replica_cluster.h"

namespace kappa::server {
namespace {

using Answer = std::optional<absl::StatusOr<AppendResult>>;

class ReplicationTest : public testing::Test {
 protected:
  ReplicationTest()
      : cluster_(1, [](size_t) {
          return std::make_shared<storage::MemoryLogStore>();
        }) {}

  // Who leads once somebody does, and all are as far as it.
  size_t Elect() {
    EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
    return cluster_.Leader().value_or(0);
  }
  void Append(size_t node, const std::string& value, Answer* answer,
              std::optional<v1::ProducerSequence> producer = std::nullopt) {
    AppendCommand command;
    command.batch = BatchOf({value});
    command.producer = std::move(producer);
    cluster_.Append(node, std::move(command),
                    [answer](absl::StatusOr<AppendResult> result) {
                      *answer = std::move(result);
                    });
  }
  std::string Await(Answer* answer) {
    cluster_.RunUntil([&] { return answer->has_value(); }, 200);
    return answer->has_value() ? ReasonOf((*answer)->status()) : "nothing";
  }
  // Appends one value and waits for it.
  std::string AppendAt(size_t node, const std::string& value) {
    Answer answer;
    Append(node, value, &answer);
    return Await(&answer);
  }
  void CutOff(size_t node) {
    cluster_.Cut(node);
    ASSERT_TRUE(cluster_.RunUntil([&] {
      return cluster_.Leader().has_value() && *cluster_.Leader() != node;
    }));
  }

  ReplicaCluster cluster_;
};

TEST_F(ReplicationTest, AnAppendIsStoredOnAllReplicas) {
  const size_t leader = Elect();
  EXPECT_EQ(AppendAt(leader, "a"), "OK");
  Elect();
  const auto log = cluster_.StoredLog(leader);
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    const auto other = cluster_.StoredLog(node);
    ASSERT_EQ(other.size(), log.size());
    EXPECT_EQ(other.back().header, log.back().header);
    EXPECT_EQ(other.back().payload.ToString(), log.back().payload.ToString());
  }
}

TEST_F(ReplicationTest, ANewGroupIsLedFirstByWhoShallLeadIt) {
  for (size_t first = 0; first < ReplicaCluster::kNodes; ++first) {
    ReplicaCluster cluster(1 + first, [](size_t) {
      return std::make_shared<storage::MemoryLogStore>();
    });
    for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
      cluster.With(node, [&](Partition& partition) {
        partition.PreferFirstLeader(cluster.id(first));
      });
    }
    ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Settled(); }));
    EXPECT_EQ(cluster.Leader(), first);
    EXPECT_EQ(cluster.partition(first).core().term(), Term(1));
  }
}

TEST_F(ReplicationTest, ANewGroupIsLedWithoutWhoShallLeadItFirst) {
  constexpr size_t kFirst = 1;
  cluster_.Cut(kFirst);
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    cluster_.With(node, [&](Partition& partition) {
      partition.PreferFirstLeader(cluster_.id(kFirst));
    });
  }
  ASSERT_TRUE(cluster_.RunUntil([&] {
    return cluster_.Leader().has_value() && *cluster_.Leader() != kFirst;
  }));
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "a"), "OK");
  cluster_.Mend(kFirst);
  Elect();
}

TEST_F(ReplicationTest, ANewGroupWaitsForNobodyWhoseNodeIsSilent) {
  // The core has the voter of that rank stand first.
  const size_t rank =
      cluster_.partition(0).group().value() % ReplicaCluster::kNodes;
  const size_t silent = (rank + 1) % ReplicaCluster::kNodes;
  cluster_.Cut(silent);
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    if (node == silent) continue;
    cluster_.With(node, [&](Partition& partition) {
      partition.PreferFirstLeader(cluster_.id(silent));
      partition.OnNodeLiveness(NodeId(silent + 1), false);
    });
  }
  // Before an election time, and half of what they would wait.
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader() == rank; }, 9));
  EXPECT_EQ(cluster_.partition(rank).core().term(), Term(1));
}

TEST_F(ReplicationTest, WhoShallLeadFirstAndIsUnfitLeavesItToOthers) {
  const size_t rank =
      cluster_.partition(0).group().value() % ReplicaCluster::kNodes;
  const size_t first = (rank + 1) % ReplicaCluster::kNodes;
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    cluster_.With(node, [&](Partition& partition) {
      partition.PreferFirstLeader(cluster_.id(first));
    });
  }
  cluster_.With(first, [](Partition& partition) {
    partition.SetDiskHealth(raft::DiskHealth::kFull);
  });
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader().has_value(); }));
  EXPECT_NE(cluster_.Leader(), first);
}

TEST_F(ReplicationTest, WhoWaitsForATransferIsToldThatTheTopicIsGone) {
  const size_t leader = Elect();
  const size_t target = (leader + 1) % ReplicaCluster::kNodes;
  cluster_.Cut(target);
  std::optional<absl::Status> answer;
  cluster_.With(leader, [&](Partition& partition) {
    partition.HandOver(NodeId(target + 1),
                       [&answer](const absl::StatusOr<GroupLeader>& led) {
                         answer = led.status();
                       });
  });
  EXPECT_FALSE(answer.has_value());
  cluster_.With(leader, [](Partition& partition) {
    partition.Close(MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND, "deleted"));
  });
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(ReasonOf(*answer), "TOPIC_NOT_FOUND");
}

TEST_F(ReplicationTest, AFollowerRefusesAndNamesTheLeader) {
  const size_t leader = Elect();
  const size_t follower = (leader + 1) % ReplicaCluster::kNodes;
  Answer answer;
  Append(follower, "a", &answer);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(ReasonOf(answer->status()), "NOT_LEADER");
  EXPECT_EQ(FactOf(answer->status(), "leader_node"),
            std::to_string(leader + 1));
}

TEST_F(ReplicationTest, NothingIsAcknowledgedBeforeAMajorityHasStoredIt) {
  const size_t leader = Elect();
  const auto stall_others = [&](bool stalled) {
    for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
      if (node != leader) cluster_.StallDisk(node, stalled);
    }
  };
  // Its own disk works, so what is missing are the acknowledgements.
  stall_others(true);
  Answer answer;
  Append(leader, "a", &answer);
  for (int i = 0; i < 5; ++i) cluster_.RunRound();
  EXPECT_FALSE(answer.has_value());
  stall_others(false);
  EXPECT_EQ(Await(&answer), "OK");
}

TEST_F(ReplicationTest, ARestartedReplicaWaitsForTheLeader) {
  const size_t leader = Elect();
  const Term term = cluster_.partition(leader).log().term();
  const size_t follower = (leader + 1) % ReplicaCluster::kNodes;
  cluster_.Crash(follower, 0);
  cluster_.Start(follower);
  EXPECT_FALSE(cluster_.partition(follower).log().leads());
  EXPECT_EQ(Elect(), leader);
  EXPECT_EQ(cluster_.partition(leader).log().term(), term);
}

TEST_F(ReplicationTest, TheFateOfAnAppendIsUnknownWhenLeadershipIsLost) {
  const size_t old_leader = Elect();
  cluster_.Cut(old_leader);
  Answer cut_off;
  Append(old_leader, "cut off", &cut_off);
  CutOff(old_leader);
  EXPECT_EQ(Await(&cut_off), "OUTCOME_UNKNOWN");
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "kept"), "OK");
  cluster_.Mend(old_leader);
  Elect();
  const auto log = cluster_.StoredLog(old_leader);
  ReadChunk chunk;
  for (const auto& entry : log) {
    if (entry.header.record_count > 0) chunk.entries.push_back(entry);
  }
  EXPECT_EQ(ValuesOf(chunk), std::vector<std::string>{"kept"});
}

TEST_F(ReplicationTest, AReplacedEntryIsNotTakenForTheOneThatWasAppended) {
  const size_t old_leader = Elect();
  cluster_.Cut(old_leader);
  Answer cut_off;
  Append(old_leader, "cut off", &cut_off);
  // It hears of its successors before it notices by itself: their entries take
  // the place of its own, in one go.
  ASSERT_TRUE(cluster_.RunUntil([&] {
    return cluster_.Leader().has_value() && *cluster_.Leader() != old_leader;
  }));
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "one"), "OK");
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "two"), "OK");
  cluster_.Mend(old_leader);
  EXPECT_EQ(Await(&cut_off), "OUTCOME_UNKNOWN");
}

TEST_F(ReplicationTest, ARestartedReplicaCutsWhatItsStoreHolds) {
  const size_t old_leader = Elect();
  EXPECT_EQ(AppendAt(old_leader, "first"), "OK");
  Elect();
  cluster_.Cut(old_leader);
  Answer lost[8];
  for (Answer& answer : lost) Append(old_leader, "lost", &answer);
  for (int i = 0; i < 3; ++i) cluster_.RunRound();
  CutOff(old_leader);
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "second"), "OK");
  // It knows of its log only what the store says.
  cluster_.Crash(old_leader, 10);
  cluster_.Start(old_leader);
  cluster_.Mend(old_leader);
  const uint64_t reads = cluster_.counts.reads;
  Elect();
  EXPECT_GT(cluster_.counts.truncations, 0u);
  EXPECT_GT(cluster_.counts.reads, reads);
  EXPECT_EQ(cluster_.partition(old_leader).log().committed_tail().chain,
            cluster_.partition(*cluster_.Leader()).log().tail().chain);
}

TEST_F(ReplicationTest, AProducerIsKnownToTheNextLeader) {
  const size_t old_leader = Elect();
  Answer first;
  Append(old_leader, "a", &first, Sequence("0123456789abcdef", 1, 1));
  ASSERT_EQ(Await(&first), "OK");
  Elect();
  CutOff(old_leader);
  Answer again;
  Append(*cluster_.Leader(), "a", &again, Sequence("0123456789abcdef", 1, 1));
  ASSERT_EQ(Await(&again), "OK");
  EXPECT_TRUE((*again)->duplicate);
  EXPECT_EQ((*again)->base_offset, (*first)->base_offset);
}

TEST_F(ReplicationTest, AProducersBatchThatWasCutIsTakenAgain) {
  const size_t old_leader = Elect();
  cluster_.Cut(old_leader);
  Answer lost;
  Append(old_leader, "a", &lost, Sequence("0123456789abcdef", 1, 1));
  CutOff(old_leader);
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "other"), "OK");
  cluster_.Mend(old_leader);
  Elect();
  ASSERT_TRUE(cluster_.RunUntil([&] { return lost.has_value(); }));
  // The former leader leads again, and has forgotten what left its log.
  cluster_.With(*cluster_.Leader(), [&](Partition& partition) {
    EXPECT_TRUE(partition.TransferLeadership(cluster_.id(old_leader)).ok());
  });
  ASSERT_TRUE(
      cluster_.RunUntil([&] { return cluster_.Leader() == old_leader; }));
  Answer again;
  Append(old_leader, "a", &again, Sequence("0123456789abcdef", 1, 1));
  ASSERT_EQ(Await(&again), "OK");
  EXPECT_FALSE((*again)->duplicate);
}

TEST_F(ReplicationTest, AlteredEntriesAreRefusedAndSentAgain) {
  const size_t leader = Elect();
  cluster_.faults.tampered = 100;
  Answer answer;
  Append(leader, "a", &answer);
  for (int i = 0; i < 5; ++i) cluster_.RunRound();
  EXPECT_GT(cluster_.counts.refused, 0u);
  EXPECT_EQ(cluster_.counts.refused, cluster_.counts.tampered);
  EXPECT_FALSE(answer.has_value());
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    if (node == leader) continue;
    EXPECT_EQ(cluster_.partition(node).log().tail().end_offset, Offset(0));
  }
  cluster_.faults.tampered = 0;
  EXPECT_EQ(Await(&answer), "OK");
}

TEST_F(ReplicationTest, AConfigurationOutlivesARestart) {
  const size_t leader = Elect();
  const size_t removed = (leader + 1) % ReplicaCluster::kNodes;
  raft::ConfigurationChange change;
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    if (node != removed) change.voters.push_back(cluster_.id(node));
  }
  cluster_.With(leader, [&](Partition& partition) {
    EXPECT_TRUE(partition.ChangeConfiguration(change).ok());
  });
  EXPECT_EQ(AppendAt(leader, "a"), "OK");
  const size_t other = (leader + 2) % ReplicaCluster::kNodes;
  for (const size_t node : {leader, other}) {
    EXPECT_TRUE(cluster_.RunUntil([&] {
      return cluster_.partition(node).log().committed_tail().end_offset ==
             Offset(1);
    }));
    cluster_.Crash(node, 10);
    cluster_.Start(node);
    EXPECT_EQ(cluster_.partition(node).log().configuration().voters,
              change.voters);
  }
  // The two are a majority now, and the third has no say.
  cluster_.Crash(removed, 0);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader().has_value(); }));
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "b"), "OK");
}

TEST_F(ReplicationTest, ASoleVoterWithLearnersLeadsAgainAfterARestart) {
  const size_t leader = Elect();
  raft::ConfigurationChange change;
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    (node == leader ? change.voters : change.learners)
        .push_back(cluster_.id(node));
  }
  cluster_.With(leader, [&](Partition& partition) {
    EXPECT_TRUE(partition.ChangeConfiguration(change).ok());
  });
  EXPECT_EQ(AppendAt(leader, "a"), "OK");
  Elect();
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    cluster_.Crash(node, 10);
  }
  cluster_.Start(leader);
  EXPECT_EQ(cluster_.partition(leader).log().configuration().voters,
            change.voters);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader().has_value(); }));
  EXPECT_EQ(AppendAt(leader, "b"), "OK");
}

TEST_F(ReplicationTest, AFollowerTellsTheLinearizableEnd) {
  const size_t leader = Elect();
  const size_t follower = (leader + 1) % ReplicaCluster::kNodes;
  EXPECT_EQ(AppendAt(leader, "a"), "OK");
  std::optional<absl::StatusOr<PartitionEnd>> end;
  cluster_.With(follower, [&](Partition& partition) {
    partition.GetEnd(
        v1::CONSISTENCY_UNSPECIFIED,
        [&](absl::StatusOr<PartitionEnd> answer) { end = std::move(answer); });
  });
  ASSERT_TRUE(cluster_.RunUntil([&] { return end.has_value(); }, 100));
  ASSERT_TRUE(end->ok()) << end->status();
  EXPECT_EQ((*end)->end_offset, Offset(1));
}

}  // namespace
}  // namespace kappa::server
