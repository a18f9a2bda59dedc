#include "server/identity.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

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
