#include "server/chunk_cache.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr ReplicaNumber kReplica(1);

std::vector<storage::StoredEntry> Entries(uint64_t first, uint64_t last) {
  std::vector<storage::StoredEntry> entries;
  for (uint64_t index = first; index <= last; ++index) {
    storage::StoredEntry entry;
    entry.header.index = LogIndex(index);
    entry.payload = Payload::FromString(std::string(1000, 'x'));
    entries.push_back(std::move(entry));
  }
  return entries;
}

TEST(ChunkCacheTest, FindsTheChunkThatHoldsAnIndex) {
  ChunkCache cache(100'000);
  EXPECT_EQ(cache.Find(kReplica, LogIndex(1)), nullptr);
  cache.Add(kReplica, Entries(10, 19));
  cache.Add(ReplicaNumber(2), Entries(20, 29));
  EXPECT_EQ(cache.Find(kReplica, LogIndex(9)), nullptr);
  EXPECT_EQ(cache.Find(kReplica, LogIndex(20)), nullptr);
  ASSERT_NE(cache.Find(kReplica, LogIndex(15)), nullptr);
  EXPECT_EQ(cache.Find(kReplica, LogIndex(15))->front().header.index,
            LogIndex(10));
  EXPECT_EQ(cache.hits(), 2u);
  cache.Drop(kReplica);
  EXPECT_EQ(cache.Find(kReplica, LogIndex(15)), nullptr);
  EXPECT_NE(cache.Find(ReplicaNumber(2), LogIndex(29)), nullptr);
}

TEST(ChunkCacheTest, WhatWasNotUsedForLongestGoesFirst) {
  ChunkCache cache(30'000);
  cache.Add(kReplica, Entries(0, 9));
  cache.Add(kReplica, Entries(10, 19));
  EXPECT_NE(cache.Find(kReplica, LogIndex(0)), nullptr);
  cache.Add(kReplica, Entries(20, 29));
  EXPECT_LE(cache.bytes(), 30'000u);
  EXPECT_NE(cache.Find(kReplica, LogIndex(0)), nullptr);
  EXPECT_EQ(cache.Find(kReplica, LogIndex(10)), nullptr);
  cache.Add(kReplica, Entries(100, 199));  // larger than the budget
  EXPECT_EQ(cache.Find(kReplica, LogIndex(100)), nullptr);
  // The same place again replaces the chunk.
  cache.Add(kReplica, Entries(20, 22));
  EXPECT_EQ(cache.Find(kReplica, LogIndex(23)), nullptr);
}

}  // namespace
}  // namespace kappa::server
