#include "server/replacement_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "server/node_directory.h"

namespace kappa::server {
namespace {

ReplicaId Replica(uint64_t node, uint64_t incarnation = 1) {
  return {NodeId(node), Incarnation(incarnation)};
}

GroupMembers Group(const std::string& name, std::vector<ReplicaId> present,
                   std::vector<ReplicaId> wanted) {
  GroupMembers group;
  group.name = name;
  group.present.voters = std::move(present);
  group.wanted = std::move(wanted);
  return group;
}

const std::vector<ReplicaId> kAll = {Replica(1), Replica(2), Replica(3)};

// Of five nodes, those in `replaced` have their second disk.
std::vector<NodeInfo> NodesWhere(const std::vector<uint64_t>& replaced) {
  std::vector<NodeInfo> nodes(5);
  for (uint64_t i = 0; i < nodes.size(); ++i) nodes[i].node = NodeId(i + 1);
  for (const uint64_t node : replaced) {
    nodes[node - 1].incarnation = Incarnation(2);
  }
  return nodes;
}

// Why node 3 keeps its disk.
std::string Why(const std::vector<GroupMembers>& groups,
                const std::vector<uint64_t>& replaced = {}) {
  const absl::Status status =
      CheckReplaceable(NodeId(3), groups, NodesWhere(replaced));
  if (status.ok()) return "";
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  const std::string message(status.message());
  const std::string begin =
      "join: the former disk of node 3 keeps its place, it may be needed: the "
      "replicas of ";
  EXPECT_TRUE(message.starts_with(begin)) << message;
  return message.substr(begin.size());
}

TEST(ReplacementCheckTest, WhereNothingChangesTheDiskIsGivenUp) {
  EXPECT_EQ(Why({}), "");
  EXPECT_EQ(Why({Group("metadata", kAll, kAll), Group("t/0", kAll, kAll)}), "");
  // Nothing can be waited for.
  EXPECT_EQ(Why({Group("t/0", {Replica(3)}, {Replica(3)})}), "");
  const std::vector<ReplicaId> two = {Replica(1), Replica(3)};
  EXPECT_EQ(Why({Group("t/0", two, two)}), "");
}

// Node 2 has another disk, and its replica learns.
TEST(ReplacementCheckTest, AnEarlierReplacementIsFinishedFirst) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2, 2), Replica(3)};
  const std::string why = "node 2 are still being replaced or moved in t/0";
  EXPECT_EQ(Why({Group("metadata", wanted, wanted),
                 Group("t/0", {Replica(1), Replica(3)}, wanted)},
                {2}),
            why);
  // It has not begun, or this node has not heard of it, or of who is wanted.
  EXPECT_EQ(Why({Group("t/0", kAll, wanted)}, {2}), why);
  EXPECT_EQ(Why({Group("t/0", kAll, kAll)}, {2}), why);
  GroupMembers joint = Group("t/0", wanted, wanted);
  joint.present.outgoing_voters = kAll;
  EXPECT_EQ(Why({joint}, {2}), why);
  EXPECT_EQ(Why({Group("t/0", wanted, wanted)}, {2}), "");
}

// The group moves from node 4 to node 5, which is away: whether it is, nobody
// knows for how long, and 1 and 4 are enough.
TEST(ReplacementCheckTest, AMoveThatCanGoOnWithoutItIsNotWaitedFor) {
  const std::vector<ReplicaId> former = {Replica(1), Replica(3), Replica(4)};
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(3), Replica(5)};
  GroupMembers learns = Group("t/0", former, wanted);
  learns.present.learners = {Replica(5)};
  EXPECT_EQ(Why({learns}), "");
  GroupMembers joint = Group("t/0", wanted, wanted);
  joint.present.outgoing_voters = former;
  EXPECT_EQ(Why({joint}), "");
  // Node 4 or 5 has given up the disk that counts.
  EXPECT_EQ(Why({learns}, {4}),
            "nodes 4, 5 are still being replaced or moved in t/0");
  EXPECT_EQ(Why({joint}, {5}),
            "nodes 4, 5 are still being replaced or moved in t/0");
}

// Nodes 2 and 3 are lost, 2 has another disk. Where 2 and 3 were most of a
// group, what is left of it may be saved by the former disk of 3 alone.
TEST(ReplacementCheckTest, OnlyGroupsThatHaveNoMajorityWithoutItHoldItUp) {
  const std::vector<ReplicaId> all = {Replica(1), Replica(2), Replica(3),
                                      Replica(4), Replica(5)};
  std::vector<ReplicaId> all_wanted = all;
  all_wanted[1] = Replica(2, 2);
  const GroupMembers metadata = Group("metadata", all, all_wanted);
  const GroupMembers healthy =
      Group("t/0", {Replica(3), Replica(4), Replica(5)},
            {Replica(3), Replica(4), Replica(5)});
  const GroupMembers stuck =
      Group("t/1", kAll, {Replica(1), Replica(2, 2), Replica(3)});
  EXPECT_EQ(Why({metadata, healthy, stuck}, {2}),
            "node 2 are still being replaced or moved in t/1");
  // Its topic was deleted.
  EXPECT_EQ(Why({metadata, healthy}, {2}), "");
}

TEST(ReplacementCheckTest, TheNodesOwnEarlierReplacementIsNoReason) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2), Replica(3, 2)};
  EXPECT_EQ(Why({Group("t/0", {Replica(1), Replica(2)}, wanted)}, {3}), "");
  EXPECT_EQ(Why({Group("t/0", kAll, wanted)}, {3}), "");
}

TEST(ReplacementCheckTest, GroupsInWhichItHasNoVoteDoNotCount) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2, 2), Replica(4)};
  EXPECT_EQ(Why({Group("t/0", {Replica(1), Replica(4)}, wanted)}, {2}), "");
}

TEST(ReplacementCheckTest, AFewOfManyGroupsAreNamed) {
  std::vector<GroupMembers> groups;
  for (int i = 0; i < 10; ++i) {
    groups.push_back(Group("t/" + std::to_string(i), kAll,
                           {Replica(1, 2), Replica(2, 2), Replica(3)}));
  }
  EXPECT_EQ(Why(groups, {1, 2}),
            "nodes 1, 2 are still being replaced or moved in t/0, t/1, t/2 and "
            "7 more groups");
}

}  // namespace
}  // namespace kappa::server
