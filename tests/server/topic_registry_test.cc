#include "server/topic_registry.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/errors.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

std::vector<NodeInfo> Nodes(uint64_t count) {
  std::vector<NodeInfo> nodes(count);
  for (uint64_t i = 0; i < count; ++i) nodes[i].node = NodeId(i + 1);
  return nodes;
}

storage::v1::CreateTopicCommand Command(uint32_t partitions,
                                        uint32_t replicas) {
  storage::v1::CreateTopicCommand command;
  command.mutable_topic()->set_name("t");
  command.mutable_topic()->set_uuid(std::string(16, 'u'));
  command.mutable_topic()->set_partitions(partitions);
  command.mutable_topic()->set_replicas(replicas);
  return command;
}

storage::v1::AddPartitionsCommand MorePartitions(uint32_t partitions) {
  storage::v1::AddPartitionsCommand command;
  command.mutable_request()->set_name("t");
  command.mutable_request()->set_partitions(partitions);
  command.set_topic_uuid(std::string(16, 'u'));
  return command;
}

std::vector<uint64_t> NodesOf(absl::Span<const ReplicaId> replicas) {
  std::vector<uint64_t> nodes;
  for (const ReplicaId& replica : replicas) {
    EXPECT_EQ(replica.incarnation, Incarnation(1));
    nodes.push_back(replica.node.value());
  }
  return nodes;
}

using Ids = std::vector<uint64_t>;

TEST(TopicRegistryTest, ReplicasArePlacedWhenATopicIsMade) {
  TopicRegistry registry;
  const TopicChange change =
      registry.Create(Command(3, 3), GroupId(1), Nodes(3));
  ASSERT_TRUE(change.status.ok());
  EXPECT_EQ(NodesOf(change.topic->VotersOf(0)), (Ids{1, 2, 3}));
  EXPECT_EQ(NodesOf(change.topic->VotersOf(1)), (Ids{2, 1, 3}));
  EXPECT_EQ(NodesOf(change.topic->VotersOf(2)), (Ids{3, 2, 1}));
  EXPECT_EQ(NodesOf(change.topic->FirstVotersOf(2)), (Ids{1, 2, 3}));
  EXPECT_TRUE(change.topic->VotersOf(3).empty());
}

TEST(TopicRegistryTest, AReplacedNodesReplicasAreOfItsNextIncarnation) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(2, 3), GroupId(1), Nodes(3)));
  auto other = Command(1, 1);
  other.mutable_topic()->set_name("elsewhere");
  registry.Apply(registry.Create(other, GroupId(3), Nodes(1)));
  std::vector<NodeInfo> nodes = Nodes(3);
  nodes[2].incarnation = Incarnation(2);

  const std::vector<TopicChange> changes = registry.Replace(nodes[2]);
  ASSERT_EQ(changes.size(), 1u);
  const TopicChange& change = changes.front();
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(change.first_new_partition, 2u);
  EXPECT_NE(change.other_members_before, nullptr);
  registry.Apply(change);
  registry.Apply(registry.AddPartitions(MorePartitions(3), GroupId(4), nodes));
  const TopicRegistry::Entry& entry = *registry.Find("t");
  const ReplicaId now{NodeId(3), Incarnation(2)};
  const ReplicaId before{NodeId(3), Incarnation(1)};
  for (uint32_t i = 0; i < 3; ++i) {
    // Who voted at first stays, or a replica would begin another history.
    const auto voters = entry.snapshot->VotersOf(i);
    const auto first = entry.snapshot->FirstVotersOf(i);
    EXPECT_EQ(std::count(voters.begin(), voters.end(), now), 1) << i;
    EXPECT_EQ(std::count(voters.begin(), voters.end(), before), 0) << i;
    EXPECT_EQ(std::count(first.begin(), first.end(), before), i < 2 ? 1 : 0);
    EXPECT_EQ(std::count(first.begin(), first.end(), now), i < 2 ? 0 : 1);
  }
  TopicRegistry loaded;
  ASSERT_TRUE(loaded.Load(entry.row.SerializeAsString()).ok());
  EXPECT_EQ(loaded.Find("t")->snapshot->voters, entry.snapshot->voters);
  EXPECT_EQ(loaded.Find("t")->snapshot->first_voters,
            entry.snapshot->first_voters);
}

TEST(TopicRegistryTest, ThreeReplicasAreUsual) {
  for (const auto& [nodes, replicas] :
       std::vector<std::pair<uint64_t, uint32_t>>{{1, 1}, {2, 2}, {5, 3}}) {
    const TopicChange change =
        TopicRegistry().Create(Command(1, 0), GroupId(1), Nodes(nodes));
    ASSERT_TRUE(change.status.ok());
    EXPECT_EQ(change.topic->topic.replicas(), replicas);
    EXPECT_EQ(change.topic->VotersOf(0).size(), replicas);
  }
}

TEST(TopicRegistryTest, EachReplicaNeedsANode) {
  const TopicChange change =
      TopicRegistry().Create(Command(1, 3), GroupId(1), Nodes(2));
  EXPECT_EQ(ReasonOf(change.status), "TOO_FEW_NODES");
  EXPECT_EQ(ErrorInfoOf(change.status).metadata().at("replicas"), "3");
  EXPECT_EQ(ErrorInfoOf(change.status).metadata().at("nodes"), "2");
}

TEST(TopicRegistryTest, WhoLeavesReplicasOpenFindsTheTopicAsItIs) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(1, 0), GroupId(1), Nodes(1)));
  // There are more nodes now.
  const TopicChange again =
      registry.Create(Command(1, 0), GroupId(2), Nodes(3));
  EXPECT_TRUE(again.status.ok());
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(
      ReasonOf(registry.Create(Command(1, 3), GroupId(2), Nodes(3)).status),
      "TOPIC_EXISTS");
}

TEST(TopicRegistryTest, APlacementIsTheSameAfterItsRowIsLoaded) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(10, 2), GroupId(1), Nodes(3)));
  registry.Apply(
      registry.AddPartitions(MorePartitions(17), GroupId(11), Nodes(5)));
  const TopicRegistry::Entry& entry = *registry.Find("t");
  TopicRegistry loaded;
  ASSERT_TRUE(loaded.Load(entry.row.SerializeAsString()).ok());
  EXPECT_EQ(loaded.Find("t")->snapshot->voters, entry.snapshot->voters);
  EXPECT_EQ(loaded.Find("t")->snapshot->first_voters,
            entry.snapshot->first_voters);
  // And what is placed next.
  auto command = Command(9, 3);
  command.mutable_topic()->set_name("next");
  EXPECT_EQ(loaded.Create(command, GroupId(18), Nodes(5)).topic->voters,
            registry.Create(command, GroupId(18), Nodes(5)).topic->voters);
}

TEST(TopicRegistryTest, NewPartitionsGoWhereTheFewestReplicasAre) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(4, 2), GroupId(1), Nodes(2)));
  registry.Apply(
      registry.AddPartitions(MorePartitions(6), GroupId(5), Nodes(4)));
  const TopicSnapshot& topic = *registry.Find("t")->snapshot;
  EXPECT_EQ(NodesOf(topic.VotersOf(3)), (Ids{2, 1}));
  EXPECT_EQ(NodesOf(topic.FirstVotersOf(4)), (Ids{3, 4}));
  EXPECT_EQ(NodesOf(topic.FirstVotersOf(5)), (Ids{3, 4}));
}

storage::v1::UpdateTopicCommand Replicas(uint32_t replicas) {
  storage::v1::UpdateTopicCommand command;
  command.mutable_request()->set_name("t");
  command.mutable_request()->set_replicas(replicas);
  return command;
}

TEST(TopicRegistryTest, MoreReplicasKeepTheFirstVoters) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(3, 1), GroupId(1), Nodes(1)));
  const TopicChange change = registry.Update(Replicas(3), Nodes(3));
  ASSERT_TRUE(change.status.ok());
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(change.topic->topic.replicas(), 3u);
  ASSERT_NE(change.other_members_before, nullptr);
  EXPECT_EQ(NodesOf(change.other_members_before->VotersOf(1)), (Ids{1}));
  registry.Apply(change);
  const TopicSnapshot& topic = *registry.Find("t")->snapshot;
  // Leaders are spread anew.
  EXPECT_EQ(NodesOf(topic.VotersOf(0)), (Ids{1, 2, 3}));
  EXPECT_EQ(NodesOf(topic.VotersOf(1)), (Ids{2, 1, 3}));
  EXPECT_EQ(NodesOf(topic.VotersOf(2)), (Ids{3, 2, 1}));
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(NodesOf(topic.FirstVotersOf(i)), (Ids{1}));
  }
}

TEST(TopicRegistryTest, FewerReplicasLeaveMembersWhereTheyAre) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(3, 3), GroupId(1), Nodes(3)));
  registry.Apply(registry.Update(Replicas(1), Nodes(3)));
  const TopicSnapshot& topic = *registry.Find("t")->snapshot;
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(NodesOf(topic.VotersOf(i)), (Ids{i + 1}));
    EXPECT_EQ(NodesOf(topic.FirstVotersOf(i)), (Ids{1, 2, 3}));
  }
}

TEST(TopicRegistryTest, PartitionsAddedAfterAChangeHaveTheNewNumber) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(2, 1), GroupId(1), Nodes(3)));
  registry.Apply(registry.Update(Replicas(2), Nodes(3)));
  registry.Apply(
      registry.AddPartitions(MorePartitions(3), GroupId(3), Nodes(3)));
  const TopicRegistry::Entry& entry = *registry.Find("t");
  EXPECT_EQ(entry.snapshot->VotersOf(1).size(), 2u);
  EXPECT_EQ(entry.snapshot->FirstVotersOf(1).size(), 1u);
  EXPECT_EQ(entry.snapshot->VotersOf(2).size(), 2u);
  EXPECT_EQ(entry.snapshot->FirstVotersOf(2).size(), 2u);
  TopicRegistry loaded;
  ASSERT_TRUE(loaded.Load(entry.row.SerializeAsString()).ok());
  EXPECT_EQ(loaded.Find("t")->snapshot->voters, entry.snapshot->voters);
}

TEST(TopicRegistryTest, AChangeOfReplicasNeedsNodesToo) {
  TopicRegistry registry;
  registry.Apply(registry.Create(Command(1, 1), GroupId(1), Nodes(2)));
  EXPECT_EQ(ReasonOf(registry.Update(Replicas(3), Nodes(2)).status),
            "TOO_FEW_NODES");
  EXPECT_FALSE(registry.Update(Replicas(1), Nodes(2)).changed);
  EXPECT_FALSE(registry.Update(Replicas(0), Nodes(2)).changed);
}

TEST(TopicRegistryTest, GroupsMadeBeforeReplicasWerePlacedAreOnNodeOne) {
  storage::v1::TopicRow row;
  row.mutable_topic()->set_name("t");
  row.mutable_topic()->set_uuid(std::string(16, 'u'));
  row.mutable_topic()->set_partitions(2);
  row.mutable_topic()->set_replicas(1);
  row.add_groups()->set_first(1);
  row.mutable_groups(0)->set_count(2);
  for (const bool named : {false, true}) {
    if (named) {
      row.add_voters()->set_node(1);
      row.mutable_voters(0)->set_incarnation(1);
    }
    TopicRegistry registry;
    ASSERT_TRUE(registry.Load(row.SerializeAsString()).ok());
    registry.Apply(
        registry.AddPartitions(MorePartitions(3), GroupId(3), Nodes(2)));
    const TopicSnapshot& topic = *registry.Find("t")->snapshot;
    EXPECT_EQ(NodesOf(topic.VotersOf(1)), (Ids{1}));
    EXPECT_EQ(NodesOf(topic.FirstVotersOf(1)), (Ids{1}));
    EXPECT_EQ(NodesOf(topic.VotersOf(2)), (Ids{2}));
  }
}

TEST(TopicRegistryTest, ARowWithoutAllItsNodesIsDamaged) {
  storage::v1::TopicRow row;
  row.mutable_topic()->set_name("t");
  storage::v1::GroupRun* run = row.add_groups();
  run->set_first(1);
  run->set_count(2);
  run->set_replicas(2);
  for (uint64_t node = 1; node <= 3; ++node) run->add_nodes(node);
  EXPECT_EQ(TopicRegistry().Load(row.SerializeAsString()).code(),
            absl::StatusCode::kDataLoss);
}

TEST(TopicRegistryTest, TenThousandPartitionsAreACompactRow) {
  const TopicChange change =
      TopicRegistry().Create(Command(10'000, 3), GroupId(1), Nodes(5));
  ASSERT_TRUE(change.status.ok());
  EXPECT_LT(change.rows.front().value->size(), 32u << 10);
}

}  // namespace
}  // namespace kappa::server
