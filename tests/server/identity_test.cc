#include "server/identity.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "kappa/storage/v1/identity.pb.h"
#include "proto/wire/crc32c.h"

namespace kappa::server {
namespace {

class IdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  std::string directory_;
};

TEST_F(IdentityTest, WhatIsWrittenIsRead) {
  EXPECT_EQ(*ReadIdentity(directory_), std::nullopt);
  EXPECT_EQ(*ReadIdentity(directory_ + "/none"), std::nullopt);
  Identity identity = Identity::OfNewCluster();
  EXPECT_NE(identity.cluster_id, identity.disk_id);
  EXPECT_NE(identity.disk_id, Identity::OfNewCluster().disk_id);
  ASSERT_TRUE(WriteIdentity(directory_, identity).ok());
  EXPECT_EQ(**ReadIdentity(directory_), identity);
  identity.formed = true;
  ASSERT_TRUE(WriteIdentity(directory_, identity).ok());
  EXPECT_EQ(**ReadIdentity(directory_), identity);
  identity.founders = {{.node = NodeId(1),
                        .disk_id = identity.disk_id,
                        .address = "a:1",
                        .client_address = "a:2",
                        .rack = "r"},
                       {.node = NodeId(2),
                        .disk_id = identity.cluster_id,
                        .address = "",
                        .client_address = "",
                        .rack = ""}};
  ASSERT_TRUE(WriteIdentity(directory_, identity).ok());
  EXPECT_EQ(**ReadIdentity(directory_), identity);
}

// Written by the build before there were founders: cluster 01.., node 7, disk
// 02.., formed.
TEST_F(IdentityTest, AFileWithoutFoundersIsReadAsBefore) {
  storage::v1::NodeIdentity stored;
  stored.set_cluster_id(std::string(16, 1));
  stored.set_node_id(7);
  stored.set_disk_id(std::string(16, 2));
  stored.set_formed(true);
  const std::string before = stored.SerializeAsString();
  EXPECT_EQ(before.size(), 40u);
  stored.set_crc32c(Crc32c(std::string_view(before)));
  std::ofstream(directory_ + "/identity", std::ios::binary)
      << stored.SerializeAsString();
  const auto read = ReadIdentity(directory_);
  ASSERT_TRUE(read.ok() && read->has_value()) << read.status();
  EXPECT_EQ((*read)->node_id, NodeId(7));
  EXPECT_TRUE((*read)->formed);
  EXPECT_TRUE((*read)->founders.empty());
}

TEST_F(IdentityTest, ADiskKeepsTheIdThatWasReserved) {
  const auto reserved = ReserveDiskId(directory_, NodeId(2));
  ASSERT_TRUE(reserved.ok()) << reserved.status();
  EXPECT_EQ(*ReserveDiskId(directory_, NodeId(2)), *reserved);
  EXPECT_EQ(*ReserveDiskId(directory_, NodeId(0)), *reserved);
  EXPECT_EQ(*ReadIdentity(directory_), std::nullopt);
  EXPECT_EQ(ReserveDiskId(directory_, NodeId(3)).status().ToString(),
            "FAILED_PRECONDITION: " + directory_ +
                " belongs to node 2, which has no cluster yet, and this is "
                "node 3");
  ASSERT_TRUE(WriteIdentity(directory_, Identity::OfNewCluster()).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/identity.new"));
}

TEST_F(IdentityTest, EveryFlippedBitIsFound) {
  ASSERT_TRUE(WriteIdentity(directory_, Identity::OfNewCluster()).ok());
  const std::string path = directory_ + "/identity";
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)),
                          std::istreambuf_iterator<char>());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_EQ(ReadIdentity(directory_).status().code(),
              absl::StatusCode::kDataLoss)
        << "bit " << bit;
  }
  std::ofstream(path, std::ios::binary).close();
  EXPECT_EQ(ReadIdentity(directory_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(IdentityTest, ADirectoryThatDoesNotExistCannotBeMarked) {
  EXPECT_EQ(
      WriteIdentity(directory_ + "/none", Identity::OfNewCluster()).code(),
      absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kappa::server
