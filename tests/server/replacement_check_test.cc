#include "server/replacement_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

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

// Why node 3 keeps its disk.
std::string Why(const std::vector<GroupMembers>& groups) {
  const absl::Status status = CheckReplaceable(NodeId(3), groups);
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
}

// Node 2 has another disk, and its replica learns.
TEST(ReplacementCheckTest, AnEarlierReplacementIsFinishedFirst) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2, 2), Replica(3)};
  const std::string why = "node 2 are still being replaced or moved in t/0";
  EXPECT_EQ(Why({Group("metadata", wanted, wanted),
                 Group("t/0", {Replica(1), Replica(3)}, wanted)}),
            why);
  // It has not begun, or this node has not heard of it.
  EXPECT_EQ(Why({Group("t/0", kAll, wanted)}), why);
  GroupMembers joint = Group("t/0", wanted, wanted);
  joint.present.outgoing_voters = kAll;
  EXPECT_EQ(Why({joint}), why);
  EXPECT_EQ(Why({Group("t/0", wanted, wanted)}), "");
}

TEST(ReplacementCheckTest, TheNodesOwnEarlierReplacementIsNoReason) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2), Replica(3, 2)};
  EXPECT_EQ(Why({Group("t/0", {Replica(1), Replica(2)}, wanted)}), "");
  EXPECT_EQ(Why({Group("t/0", kAll, wanted)}), "");
}

TEST(ReplacementCheckTest, GroupsInWhichItHasNoVoteDoNotCount) {
  const std::vector<ReplicaId> wanted = {Replica(1), Replica(2, 2), Replica(4)};
  EXPECT_EQ(Why({Group("t/0", {Replica(1), Replica(4)}, wanted)}), "");
}

TEST(ReplacementCheckTest, AFewOfManyGroupsAreNamed) {
  std::vector<GroupMembers> groups;
  for (int i = 0; i < 10; ++i) {
    groups.push_back(Group("t/" + std::to_string(i), kAll,
                           {Replica(1, 2), Replica(2, 2), Replica(3)}));
  }
  EXPECT_EQ(Why(groups),
            "nodes 1, 2 are still being replaced or moved in t/0, t/1, t/2 and "
            "7 more groups");
}

}  // namespace
}  // namespace kappa::server
