#include "server/node_directory.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

NodeInfo Node(uint8_t disk, const std::string& address) {
  NodeInfo node;
  node.node = NodeId(1);
  node.disk_id[0] = disk;
  node.address = address;
  return node;
}

TEST(NodeDirectoryTest, WhatANodeSaysIsNewerThanWhatIsCommitted) {
  NodeDirectory directory;
  directory.SetTold(Node(1, "new:1"));
  directory.SetCommitted({Node(1, "old:1")});
  EXPECT_EQ(directory.Find(NodeId(1))->address, "new:1");
}

// A node that has just joined believes whoever greets it; the cluster knows
// better whose disk that is.
TEST(NodeDirectoryTest, TheDiskIsTheCommittedOne) {
  NodeDirectory directory;
  EXPECT_FALSE(directory.complete());
  directory.SetTold(Node(2, "stranger:1"));
  directory.SetCommitted({Node(1, "own:1")});
  EXPECT_TRUE(directory.complete());
  EXPECT_EQ(*directory.Find(NodeId(1)), Node(1, "own:1"));
}

TEST(NodeDirectoryTest, AFounderIsKnownUntilMoreIs) {
  NodeDirectory directory;
  directory.SetFounder(Node(1, "first:1"));
  directory.SetFounder(Node(1, "again:1"));
  EXPECT_EQ(directory.Find(NodeId(1))->address, "first:1");
  directory.SetCommitted({Node(1, "committed:1")});
  EXPECT_EQ(directory.Find(NodeId(1))->address, "committed:1");
  EXPECT_EQ(directory.All().size(), 1u);
  EXPECT_FALSE(directory.Find(NodeId(2)).has_value());
}

}  // namespace
}  // namespace kappa::server
