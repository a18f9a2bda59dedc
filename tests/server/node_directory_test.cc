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
  directory.SetTold(Node(2, "stranger:1"));
  directory.SetCommitted({Node(1, "own:1")});
  EXPECT_EQ(*directory.Find(NodeId(1)), Node(1, "own:1"));
}

TEST(NodeDirectoryTest, OnceItIsCurrentADiskThatIsNotKnownSaysNothing) {
  NodeDirectory directory;
  directory.SetCommitted({Node(1, "former:1")});
  EXPECT_FALSE(directory.current());
  directory.SetTold(Node(2, "later:1"));
  EXPECT_EQ(directory.Find(NodeId(1))->address, "later:1");
  directory.SetCurrent({Node(2, "committed:1")});
  EXPECT_TRUE(directory.current());
  EXPECT_EQ(directory.Find(NodeId(1))->address, "later:1");
  directory.SetTold(Node(1, "former:1"));
  EXPECT_EQ(*directory.Find(NodeId(1)), Node(2, "later:1"));
  directory.SetTold(Node(2, "moved:1"));
  EXPECT_EQ(directory.Find(NodeId(1))->address, "moved:1");
  NodeInfo stranger = Node(3, "stranger:1");
  stranger.node = NodeId(2);
  directory.SetTold(stranger);
  EXPECT_FALSE(directory.Find(NodeId(2)).has_value());
}

TEST(NodeDirectoryTest, TheIncarnationIsTheCommittedOne) {
  NodeDirectory directory;
  directory.SetTold(Node(1, "told:1"));
  NodeInfo row = Node(1, "committed:1");
  row.incarnation = Incarnation(2);
  directory.SetCommitted({row});
  EXPECT_EQ(directory.Find(NodeId(1))->incarnation, Incarnation(2));
  EXPECT_EQ(directory.Find(NodeId(1))->address, "told:1");
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
