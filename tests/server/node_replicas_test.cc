// Three nodes: where replicas are, and producers whose partitions are led on
// several nodes.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/configuration_rows.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

using testing::ElementsAre;

class NodeReplicasTest : public testing::Test {
 protected:
  // Asks node after node until one answers OK, or refuses for another reason
  // than that it does not lead.
  absl::Status AtLeader(const std::function<absl::Status(NodeDriver&)>& ask) {
    absl::Status status;
    const bool answered = cluster_.Await([&] {
      for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
        if (!cluster_.up(i)) continue;
        status = ask(cluster_.driver(i));
        if (ReasonOf(status) != "NOT_LEADER") return true;
      }
      return false;
    });
    EXPECT_TRUE(answered) << status;
    return status;
  }

  absl::Status Create(const std::string& name, uint32_t partitions,
                      uint32_t replicas) {
    v1::CreateTopicRequest request;
    request.set_name(name);
    request.set_partitions(partitions);
    request.set_replicas(replicas);
    return AtLeader([&](NodeDriver& driver) {
      return driver.CreateTopic(request).status();
    });
  }

  void AwaitTopic(const std::string& name) {
    EXPECT_TRUE(cluster_.Await([&] {
      for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
        if (cluster_.node(i).FindTopic(name) == nullptr) return false;
      }
      return true;
    }));
  }

  absl::Status SetReplicas(const std::string& name, uint32_t replicas) {
    v1::UpdateTopicRequest request;
    request.set_name(name);
    request.set_replicas(replicas);
    return AtLeader([&](NodeDriver& driver) {
      return driver.UpdateTopic(request).status();
    });
  }

  // How many nodes hold the group.
  size_t Holders(GroupId group) {
    size_t holders = 0;
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      for (const auto& replica : cluster_.harness(i).store().Replicas()) {
        if (replica.spec.group == group) ++holders;
      }
    }
    return holders;
  }

  // The newest configuration in the log of the node's replica; absent: there is
  // none, so nothing was ever changed.
  std::optional<raft::Configuration> ChangedTo(size_t i, GroupId group) {
    const storage::MemoryLogStore& store = cluster_.harness(i).store();
    for (const storage::ReplicaInfo& replica : store.Replicas()) {
      if (replica.spec.group != group) continue;
      const auto rows = storage::ReadConfigurationRow(store, replica.number);
      if (rows.ok() && !rows->empty()) return rows->back().configuration;
    }
    return std::nullopt;
  }

  // Whether the node's replica of the group has `count` voters by now.
  bool HasVotersAt(size_t i, GroupId group, size_t count) {
    const std::optional<raft::Configuration> newest = ChangedTo(i, group);
    return newest.has_value() && !newest->joint() &&
           newest->voters.size() == count;
  }

  // Whether every node's replica of the group has `count` voters by now.
  bool HasVoters(GroupId group, size_t count) {
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      if (!HasVotersAt(i, group, count)) return false;
    }
    return true;
  }

  // Waits until each of `nodes` has looked at all groups that it leads, for
  // those that should have other members. Of three groups with three replicas
  // each leads one, the first voter; it finds then that it shall be alone.
  void AwaitLooks(const std::vector<size_t>& nodes) {
    ASSERT_TRUE(SetReplicas("looked", 1).ok());
    for (const size_t i : nodes) {
      EXPECT_TRUE(
          cluster_.Await([&] { return HasVotersAt(i, LedFirstBy(i), 1); }));
    }
  }
  // The group of the topic "looked" whose first voter is on node `i`.
  GroupId LedFirstBy(size_t i) {
    const auto topic = cluster_.node(i).FindTopic("looked");
    for (uint32_t partition = 0; partition < topic->groups.size();
         ++partition) {
      if (topic->VotersOf(partition).front().node == NodeId(i + 1)) {
        return topic->groups[partition];
      }
    }
    ADD_FAILURE() << "node " << i + 1 << " is nowhere the first";
    return GroupId(0);
  }

  // Whether node `i` does not hear the other any more.
  bool KnowsSilent(size_t i, size_t other) {
    const v1::GetHealthResponse health = cluster_.Health(i);
    for (const v1::HealthProblem& problem : health.problems()) {
      if (problem.kind() == v1::HEALTH_PROBLEM_KIND_NODE_NOT_HEARD &&
          problem.nodes(0) == other + 1) {
        return true;
      }
    }
    return false;
  }

  NodeCluster cluster_;
};

TEST_F(NodeReplicasTest, APartitionIsWhereItsReplicasAre) {
  ASSERT_TRUE(Create("t", 3, 2).ok());
  AwaitTopic("t");
  for (uint32_t partition = 0; partition < 3; ++partition) {
    const GroupId group = cluster_.GroupOf("t", partition);
    cluster_.Append(group, absl::StrCat("v", partition), std::nullopt);
    EXPECT_EQ(Holders(group), 2u);
    // Who does not hold it knows whom to ask.
    const absl::Span<const ReplicaId> voters =
        cluster_.node(0).FindTopic("t")->VotersOf(partition);
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      const ReplicaId self{NodeId(i + 1), Incarnation(1)};
      if (std::find(voters.begin(), voters.end(), self) != voters.end()) {
        continue;
      }
      const absl::Status refused =
          cluster_.driver(i).Append(group, {"x"}).status();
      EXPECT_EQ(ReasonOf(refused), "NOT_LEADER");
      EXPECT_EQ(FactOf(refused, "leader_node"),
                absl::StrCat(voters.front().node.value()));
    }
  }
}

// Who does not hold a partition names a node that is heard.
TEST_F(NodeReplicasTest, ANodeThatIsSilentIsNotNamed) {
  ASSERT_TRUE(Create("t", 1, 2).ok());
  AwaitTopic("t");
  const GroupId group = cluster_.GroupOf("t", 0);
  const auto topic = cluster_.node(0).FindTopic("t");
  const size_t first = topic->VotersOf(0).front().node.value() - 1;
  const size_t second = topic->VotersOf(0).back().node.value() - 1;
  const size_t other = 3 - first - second;
  cluster_.Kill(first);
  absl::Status refused;
  EXPECT_TRUE(cluster_.Await([&] {
    refused = cluster_.driver(other).Append(group, {"x"}).status();
    return FactOf(refused, "leader_node") == absl::StrCat(second + 1);
  })) << refused;
  EXPECT_EQ(ReasonOf(refused), "NOT_LEADER");
}

// A topic that is changed before it is there on a slow node: its replicas are
// made once.
TEST_F(NodeReplicasTest, AChangeBehindTheCreationItselfMakesReplicasOnce) {
  storage::StoreControl& slow = cluster_.harness(2).control();
  slow.Hold();
  ASSERT_TRUE(Create("first", 1, 3).ok());
  ASSERT_TRUE(Create("t", 3, 1).ok());
  ASSERT_TRUE(SetReplicas("t", 3).ok());
  slow.Release();
  AwaitTopic("t");
  for (uint32_t partition = 0; partition < 3; ++partition) {
    const GroupId group = cluster_.GroupOf("t", partition);
    cluster_.Append(group, "v", std::nullopt);
    ASSERT_TRUE(cluster_.Await([&] { return HasVoters(group, 3); }));
    EXPECT_EQ(Holders(group), 3u);
    EXPECT_THAT(cluster_.ReadAll(2, group, 1), ElementsAre("v"));
  }
}

TEST_F(NodeReplicasTest, MoreReplicasThanNodesAreRefused) {
  const absl::Status refused = Create("t", 1, 4);
  EXPECT_EQ(ReasonOf(refused), "TOO_FEW_NODES");
  EXPECT_EQ(FactOf(refused, "nodes"), "3");
  ASSERT_TRUE(Create("t", 1, 1).ok());
  EXPECT_EQ(ReasonOf(SetReplicas("t", 4)), "TOO_FEW_NODES");
}

TEST_F(NodeReplicasTest, ATopicGetsMoreReplicasAndFewerAndMore) {
  ASSERT_TRUE(Create("t", 3, 1).ok());
  AwaitTopic("t");
  std::vector<std::string> expected;
  const auto append = [&] {
    expected.push_back(absl::StrCat("v", expected.size()));
    for (uint32_t partition = 0; partition < 3; ++partition) {
      cluster_.Append(cluster_.GroupOf("t", partition), expected.back(),
                      Sequence("0123456789abcdef", 0, expected.size()));
    }
  };
  append();
  for (const uint32_t replicas : {3, 1, 3}) {
    ASSERT_TRUE(SetReplicas("t", replicas).ok());
    append();
    append();
  }
  for (uint32_t partition = 0; partition < 3; ++partition) {
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      EXPECT_EQ(cluster_.ReadAll(i, cluster_.GroupOf("t", partition),
                                 expected.size()),
                expected);
    }
  }
  for (uint32_t partition = 0; partition < 3; ++partition) {
    const GroupId group = cluster_.GroupOf("t", partition);
    ASSERT_TRUE(cluster_.Await([&] { return HasVoters(group, 3); }));
  }
  // Any one of them may be lost now.
  cluster_.Kill(0);
  append();
  EXPECT_EQ(cluster_.ReadAll(1, cluster_.GroupOf("t", 0), expected.size()),
            expected);
}

// Who goes may be dead. Where one that stays is, the two that would be left
// could commit nothing: the three go on until it is back.
TEST_F(NodeReplicasTest, FewerReplicasWaitForAMajorityOfThoseThatStay) {
  ASSERT_TRUE(Create("t", 3, 3).ok());
  ASSERT_TRUE(Create("looked", 3, 3).ok());
  AwaitTopic("looked");
  constexpr size_t kDead = 0;
  const std::vector<size_t> alive = {1, 2};
  for (uint32_t i = 0; i < 3; ++i) {
    cluster_.Append(cluster_.GroupOf("t", i), "before", std::nullopt);
  }
  cluster_.Kill(kDead);
  ASSERT_TRUE(cluster_.Await(
      [&] { return KnowsSilent(1, kDead) && KnowsSilent(2, kDead); }));
  for (const size_t i : alive) {
    ASSERT_TRUE(
        cluster_.Await([&] { return cluster_.Leader(LedFirstBy(i)) == i; }));
  }
  ASSERT_TRUE(SetReplicas("t", 2).ok());
  std::vector<GroupId> leaves;
  std::vector<GroupId> stays;
  for (const size_t i : alive) {
    ASSERT_TRUE(cluster_.Await([&] {
      return cluster_.node(i).FindTopic("t")->VotersOf(0).size() == 2;
    }));
  }
  const auto topic = cluster_.node(1).FindTopic("t");
  for (uint32_t i = 0; i < 3; ++i) {
    const absl::Span<const ReplicaId> voters = topic->VotersOf(i);
    const bool has = std::any_of(
        voters.begin(), voters.end(),
        [](ReplicaId voter) { return voter.node == NodeId(kDead + 1); });
    (has ? stays : leaves).push_back(topic->groups[i]);
  }
  ASSERT_EQ(leaves.size(), 1u);
  ASSERT_EQ(stays.size(), 2u);
  EXPECT_TRUE(cluster_.Await([&] {
    return HasVotersAt(1, leaves[0], 2) && HasVotersAt(2, leaves[0], 2);
  }));
  AwaitLooks(alive);
  for (const GroupId group : stays) {
    // Behind the look, if another shard of the leader's runs it.
    cluster_.Append(group, "meanwhile", std::nullopt);
    for (const size_t i : alive) {
      EXPECT_FALSE(ChangedTo(i, group).has_value());
    }
  }
  cluster_.Start(kDead);
  for (const GroupId group : stays) {
    EXPECT_TRUE(cluster_.Await(
        [&] { return HasVotersAt(cluster_.Leader(group), group, 2); }));
    cluster_.Append(group, "after", std::nullopt);
  }
}

TEST_F(NodeReplicasTest, AProducerIsFencedWhereverPartitionsAreLed) {
  ASSERT_TRUE(Create("t", 6, 0).ok());
  AwaitTopic("t");
  const std::vector<uint32_t> all = {0, 1, 2, 3, 4, 5};
  v1::OpenProducerResponse opened;
  const auto open = [&] {
    ASSERT_TRUE(cluster_.Await([&] {
      return AtLeader([&](NodeDriver& driver) {
               auto answer = driver.OpenProducer("p", "t", all);
               if (answer.ok()) opened = *answer;
               return answer.status();
             })
          .ok();
    }));
  };
  open();
  const uint64_t old_epoch = opened.epoch();
  EXPECT_EQ(opened.positions_size(), 6);
  for (const uint32_t partition : all) {
    cluster_.Append(cluster_.GroupOf("t", partition), "old",
                    Sequence(opened.producer_id(), old_epoch, 1));
  }
  open();
  EXPECT_GT(opened.epoch(), old_epoch);
  for (const uint32_t partition : all) {
    EXPECT_EQ(opened.positions(static_cast<int>(partition)).last_sequence(),
              1u);
    const GroupId group = cluster_.GroupOf("t", partition);
    const absl::Status fenced =
        cluster_.driver(cluster_.Leader(group))
            .Append(group, {"late"},
                    Sequence(opened.producer_id(), old_epoch, 2))
            .status();
    EXPECT_EQ(ReasonOf(fenced), "PRODUCER_FENCED") << fenced;
    cluster_.Append(group, "new",
                    Sequence(opened.producer_id(), opened.epoch(), 2));
  }
  // Any node tells where the producer stands.
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    absl::StatusOr<v1::GetProducerResponse> found;
    ASSERT_TRUE(cluster_.Await([&] {
      found = cluster_.driver(i).GetProducer("p", "t", all);
      return found.ok();
    })) << found.status();
    EXPECT_EQ(found->epoch(), opened.epoch());
    for (const v1::ProducerPosition& position : found->positions()) {
      EXPECT_EQ(position.last_sequence(), 2u);
    }
  }
}

TEST_F(NodeReplicasTest, PartitionsAreAddedOnlyWhereNoKeyMoves) {
  ASSERT_TRUE(Create("t", 3, 0).ok());
  AwaitTopic("t");
  const auto add = [&](uint32_t partitions) {
    return AtLeader([&](NodeDriver& driver) {
      return driver.AddPartitions("t", partitions, false).status();
    });
  };
  ASSERT_TRUE(cluster_.Await([&] { return add(4).ok(); }));
  cluster_.Append(cluster_.GroupOf("t", 2), "v", std::nullopt);
  EXPECT_EQ(ReasonOf(add(5)), "KEY_MOVEMENT_NOT_ACCEPTED");
}

}  // namespace
}  // namespace kappa::server
