#include "client/cpp/leader_cache.h"

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

TEST(LeaderCacheTest, RemembersPerPartition) {
  LeaderCache cache;
  EXPECT_EQ(cache.Find("t", 0), std::nullopt);
  cache.Set("t", 0, "a:1");
  cache.Set("t", 1, "b:1");
  EXPECT_EQ(cache.Find("t", 0), "a:1");
  EXPECT_EQ(cache.Find("t", 1), "b:1");
  EXPECT_EQ(cache.Find("u", 0), std::nullopt);
}

TEST(LeaderCacheTest, ForgetsOnlyTheLeaderThatFailed) {
  LeaderCache cache;
  cache.Set("t", 0, "a:1");
  cache.Forget("t", 0, "b:1");
  EXPECT_EQ(cache.Find("t", 0), "a:1");
  cache.Forget("t", 0, "a:1");
  EXPECT_EQ(cache.Find("t", 0), std::nullopt);
}

TEST(LeaderCacheTest, ForgetsAllThatANodeLed) {
  LeaderCache cache;
  cache.Set("t", 0, "a:1");
  cache.Set("t", 1, "b:1");
  cache.Set("u", 0, "a:1");
  cache.ForgetNode("a:1");
  EXPECT_EQ(cache.Find("t", 0), std::nullopt);
  EXPECT_EQ(cache.Find("t", 1), "b:1");
  EXPECT_EQ(cache.Find("u", 0), std::nullopt);
}

}  // namespace
}  // namespace kappa::client
