#include "server/replica_placement.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

// One node for each rack named, ids from 1.
std::vector<NodeInfo> NodesIn(const std::vector<std::string>& racks) {
  std::vector<NodeInfo> nodes;
  for (const std::string& rack : racks) {
    NodeInfo& node = nodes.emplace_back();
    node.node = NodeId(nodes.size());
    node.rack = rack;
  }
  return nodes;
}

TopicSnapshot TopicOn(const std::vector<NodeId>& placed, uint32_t replicas) {
  TopicSnapshot topic;
  for (size_t i = 0; i < placed.size(); i += replicas) {
    std::vector<ReplicaId> members;
    for (uint32_t k = 0; k < replicas; ++k) {
      members.push_back({placed[i + k], Incarnation(1)});
    }
    topic.groups.push_back(GroupId(i + 1));
    topic.voters.Add(members);
  }
  return topic;
}

struct Spread {
  std::map<NodeId, int> replicas;
  std::map<NodeId, int> leaders;

  void Add(const std::vector<NodeId>& placed, uint32_t count) {
    for (size_t i = 0; i < placed.size(); ++i) {
      ++replicas[placed[i]];
      if (i % count == 0) ++leaders[placed[i]];
    }
  }
  static int Gap(const std::map<NodeId, int>& counts) {
    const auto [least, most] = std::minmax_element(
        counts.begin(), counts.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
    return most->second - least->second;
  }
};

TEST(ReplicaPlacementTest, ThreeNodesHoldEverythingAndTakeTurnsLeading) {
  const std::vector<NodeId> placed =
      ReplicaPlacement().Choose(NodesIn({"", "", ""}), 3, 4);
  ASSERT_EQ(placed.size(), 12u);
  EXPECT_EQ(placed[0], NodeId(1));
  EXPECT_EQ(placed[3], NodeId(2));
  EXPECT_EQ(placed[6], NodeId(3));
  EXPECT_EQ(placed[9], NodeId(1));
  for (size_t i = 0; i < placed.size(); i += 3) {
    EXPECT_EQ(std::set<NodeId>(placed.begin() + i, placed.begin() + i + 3),
              (std::set<NodeId>{NodeId(1), NodeId(2), NodeId(3)}));
  }
}

TEST(ReplicaPlacementTest, TopicsOfOnePartitionTakeTurnsToo) {
  ReplicaPlacement placement;
  Spread spread;
  for (int i = 0; i < 30; ++i) {
    const std::vector<NodeId> placed =
        placement.Choose(NodesIn({"", "", "", "", ""}), 3, 1);
    placement.Add(TopicOn(placed, 3));
    spread.Add(placed, 3);
  }
  EXPECT_EQ(spread.replicas.size(), 5u);
  EXPECT_EQ(Spread::Gap(spread.replicas), 0);
  EXPECT_LE(Spread::Gap(spread.leaders), 1);
}

TEST(ReplicaPlacementTest, ManyPartitionsAreSpreadEvenly) {
  for (const size_t nodes : {3, 4, 5, 7, 10}) {
    Spread spread;
    spread.Add(ReplicaPlacement().Choose(
                   NodesIn(std::vector<std::string>(nodes)), 3, 1000),
               3);
    EXPECT_LE(Spread::Gap(spread.replicas), 1) << nodes;
    EXPECT_LE(Spread::Gap(spread.leaders), 2) << nodes;
  }
}

TEST(ReplicaPlacementTest, ReplicasOfAPartitionAreOnDifferentNodes) {
  const std::vector<NodeId> placed =
      ReplicaPlacement().Choose(NodesIn({"a", "a", "b", "b", "b"}), 5, 9);
  for (size_t i = 0; i < placed.size(); i += 5) {
    EXPECT_EQ(
        std::set<NodeId>(placed.begin() + i, placed.begin() + i + 5).size(),
        5u);
  }
}

TEST(ReplicaPlacementTest, RacksComeBeforeCounts) {
  // Node 5 is alone in its rack: it holds one replica of each partition.
  const std::vector<NodeInfo> nodes = NodesIn({"a", "a", "b", "b", "c"});
  Spread spread;
  const std::vector<NodeId> placed = ReplicaPlacement().Choose(nodes, 3, 40);
  for (size_t i = 0; i < placed.size(); i += 3) {
    std::set<std::string> racks;
    for (size_t k = i; k < i + 3; ++k) {
      racks.insert(nodes[placed[k].value() - 1].rack);
    }
    EXPECT_EQ(racks.size(), 3u);
  }
  spread.Add(placed, 3);
  EXPECT_EQ(spread.replicas[NodeId(5)], 40);
  EXPECT_EQ(spread.replicas[NodeId(1)], 20);
  EXPECT_EQ(spread.replicas[NodeId(4)], 20);
  EXPECT_LE(Spread::Gap(spread.leaders), 1);
}

TEST(ReplicaPlacementTest, ANodeWithNothingComesFirst) {
  ReplicaPlacement placement;
  placement.Add(TopicOn(placement.Choose(NodesIn({"", "", ""}), 3, 9), 3));
  const std::vector<NodeId> placed =
      placement.Choose(NodesIn({"", "", "", ""}), 1, 9);
  EXPECT_EQ(placed, std::vector<NodeId>(9, NodeId(4)));
}

TEST(ReplicaPlacementTest, WhatIsRemovedDoesNotCount) {
  ReplicaPlacement placement;
  const TopicSnapshot first =
      TopicOn(placement.Choose(NodesIn({"", "", ""}), 2, 2), 2);
  const TopicSnapshot second =
      TopicOn(placement.Choose(NodesIn({"", "", ""}), 1, 5), 1);
  placement.Add(first);
  placement.Add(second);
  placement.Remove(first);
  ReplicaPlacement other;
  other.Add(second);
  for (const uint32_t replicas : {1, 2, 3}) {
    EXPECT_EQ(placement.Choose(NodesIn({"", "", ""}), replicas, 20),
              other.Choose(NodesIn({"", "", ""}), replicas, 20));
  }
}

TEST(ReplicaPlacementTest, MoreReplicasGoWhereTheFewestAre) {
  ReplicaPlacement placement;
  TopicSnapshot topic = TopicOn(std::vector<NodeId>(30, NodeId(1)), 1);
  placement.Add(topic);
  for (const uint32_t replicas : {2, 3, 1, 2}) {
    const std::vector<NodeId> placed =
        placement.ChooseAgain(NodesIn({"", "", "", ""}), replicas, topic);
    ASSERT_EQ(placed.size(), 30u * replicas);
    Spread spread;
    spread.Add(placed, replicas);
    EXPECT_EQ(spread.replicas.size(), 4u);
    for (uint32_t i = 0; i < 30; ++i) {
      // Whoever may stay a member stays one.
      const std::set<NodeId> now(placed.begin() + i * replicas,
                                 placed.begin() + (i + 1) * replicas);
      EXPECT_EQ(now.size(), replicas);
      size_t stay = 0;
      for (const ReplicaId& member : topic.VotersOf(i)) {
        stay += now.count(member.node);
      }
      EXPECT_EQ(stay, std::min<size_t>(replicas, topic.VotersOf(i).size()));
    }
    placement.Remove(topic);
    topic = TopicOn(placed, replicas);
    placement.Add(topic);
  }
}

TEST(ReplicaPlacementTest, NothingIsPlacedForNoReplicas) {
  EXPECT_TRUE(ReplicaPlacement().Choose(NodesIn({""}), 0, 5).empty());
}

}  // namespace
}  // namespace kappa::server
