#include "server/node_rows.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using storage::v1::ClusterRow;
using storage::v1::NodeDisk;

NodeDisk Node(uint64_t id, char disk, const std::string& address = "a:1") {
  NodeDisk node;
  node.set_node_id(id);
  node.set_disk_id(std::string(16, disk));
  node.set_address(address);
  node.set_client_address("c:1");
  node.set_rack("r");
  return node;
}

ClusterRow ClusterOf(std::initializer_list<NodeDisk> nodes) {
  ClusterRow row;
  for (const NodeDisk& node : nodes) *row.add_nodes() = node;
  return row;
}

TEST(NodeRowsTest, ARowKeepsEverything) {
  const NodeInfo node = NodeOf(Node(3, 'x', "h:7500"));
  EXPECT_EQ(node.node, NodeId(3));
  EXPECT_EQ(node.address, "h:7500");
  EXPECT_EQ(node.client_address, "c:1");
  EXPECT_EQ(node.rack, "r");
  EXPECT_EQ(NodeOf(NodeRowOf(node)), node);
}

TEST(NodeRowsTest, ANewNodeGetsTheNextId) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(7, 'y')});
  const NodeChange change = RegisterNode(Node(0, 'z'), false, &row);
  ASSERT_TRUE(change.status.ok());
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(change.node.node, NodeId(8));
  ASSERT_EQ(row.nodes_size(), 3);
  EXPECT_EQ(row.nodes(2).node_id(), 8u);
}

TEST(NodeRowsTest, AskedAgainByTheSameDiskNothingChanges) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  for (const uint64_t id : {0, 2}) {
    const NodeChange change = RegisterNode(Node(id, 'y'), false, &row);
    EXPECT_TRUE(change.status.ok());
    EXPECT_FALSE(change.changed);
    EXPECT_EQ(change.node.node, NodeId(2));
  }
}

TEST(NodeRowsTest, AKnownNodeMayMove) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  const NodeChange change = RegisterNode(Node(2, 'y', "b:2"), false, &row);
  EXPECT_TRUE(change.status.ok());
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(row.nodes(1).address(), "b:2");
  EXPECT_EQ(row.nodes_size(), 2);
}

TEST(NodeRowsTest, NodesStayOrderedById) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(7, 'y')});
  ASSERT_TRUE(RegisterNode(Node(4, 'z'), false, &row).status.ok());
  const std::vector<NodeInfo> nodes = NodesOf(row);
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[1].node, NodeId(4));
}

TEST(NodeRowsTest, AnIdIsNotGivenToAnotherDisk) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  const absl::Status status = RegisterNode(Node(2, 'z'), false, &row).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "node 2 has disk 79797979797979797979797979797979: another one "
            "with disk 7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a cannot take its id");
  EXPECT_EQ(row.nodes(1).disk_id(), std::string(16, 'y'));
}

TEST(NodeRowsTest, ADiskIsNotGivenAnotherId) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  const absl::Status status = RegisterNode(Node(3, 'y'), false, &row).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "disk 79797979797979797979797979797979 is that of node 2: it "
            "cannot be node 3 as well");
  EXPECT_EQ(row.nodes_size(), 2);
}

TEST(NodeRowsTest, ANodeIsReplacedByItsNextIncarnation) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  NodeChange change = RegisterNode(Node(2, 'z', "b:2"), true, &row);
  ASSERT_TRUE(change.status.ok());
  EXPECT_TRUE(change.changed);
  EXPECT_TRUE(change.replaced);
  EXPECT_EQ(change.node.incarnation, Incarnation(2));
  ASSERT_EQ(row.nodes_size(), 2);
  EXPECT_EQ(NodeOf(row.nodes(1)), change.node);
  EXPECT_EQ(row.nodes(1).disk_id(), std::string(16, 'z'));
  EXPECT_EQ(row.nodes(1).address(), "b:2");
  // Asked again, and where it moves, it stays the second.
  change = RegisterNode(Node(2, 'z', "b:2"), true, &row);
  EXPECT_FALSE(change.changed);
  EXPECT_EQ(change.node.incarnation, Incarnation(2));
  change = RegisterNode(Node(2, 'z', "b:3"), false, &row);
  EXPECT_TRUE(change.changed);
  EXPECT_FALSE(change.replaced);
  EXPECT_EQ(NodeOf(row.nodes(1)).incarnation, Incarnation(2));
  // The former disk is nobody's.
  EXPECT_FALSE(RegisterNode(Node(2, 'y'), false, &row).status.ok());
  change = RegisterNode(Node(2, 'w'), true, &row);
  EXPECT_EQ(change.node.incarnation, Incarnation(3));
}

TEST(NodeRowsTest, AnotherNodesDiskReplacesNobody) {
  ClusterRow row = ClusterOf({Node(1, 'x'), Node(2, 'y')});
  EXPECT_EQ(RegisterNode(Node(2, 'x'), true, &row).status.code(),
            absl::StatusCode::kFailedPrecondition);
  // Who replaces nobody is a new one.
  const NodeChange change = RegisterNode(Node(3, 'z'), true, &row);
  EXPECT_TRUE(change.status.ok());
  EXPECT_FALSE(change.replaced);
  EXPECT_EQ(change.node.incarnation, Incarnation(1));
}

TEST(NodeRowsTest, ADiskIdHasSixteenBytes) {
  ClusterRow row;
  NodeDisk node = Node(1, 'x');
  node.set_disk_id("short");
  EXPECT_EQ(RegisterNode(node, false, &row).status.code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(row.nodes_size(), 0);
}

}  // namespace
}  // namespace kappa::server
