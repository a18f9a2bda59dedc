#include "server/memory_budget.h"

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr size_t kMiB = 1 << 20;

TEST(MemoryBudgetTest, TheDefaultIsAsPublished) {
  const MemoryBudget budget = SplitMemory(kMemoryBytesDefault);
  EXPECT_EQ(budget.memtable_bytes, 64 * kMiB);
  EXPECT_EQ(budget.window_bytes, 96 * kMiB);
  EXPECT_EQ(budget.block_cache_bytes, 64 * kMiB);
  EXPECT_EQ(budget.read_ahead_bytes, 32 * kMiB);
  EXPECT_EQ(budget.grpc_bytes, 128 * kMiB);
  EXPECT_EQ(budget.rest_bytes, 64 * kMiB);
}

TEST(MemoryBudgetTest, ThePartsAddUpToTheTotal) {
  for (uint64_t total :
       {kMemoryBytesMin, kMemoryBytesMin + 1, uint64_t{777} << 20,
        uint64_t{1} << 30, uint64_t{64} << 30}) {
    const MemoryBudget budget = SplitMemory(total);
    EXPECT_EQ(2 * budget.memtable_bytes + budget.window_bytes +
                  budget.block_cache_bytes + budget.read_ahead_bytes +
                  budget.grpc_bytes + budget.rest_bytes,
              total);
    EXPECT_GE(budget.memtable_bytes, 16 * kMiB);
    EXPECT_GE(budget.append_queue_bytes(), 16 * kMiB);
    EXPECT_GE(budget.read_ahead_bytes, 8 * kMiB);
    EXPECT_GE(budget.rest_bytes, 16 * kMiB);
  }
  EXPECT_EQ(SplitMemory(uint64_t{1} << 30).memtable_bytes, 128 * kMiB);
  EXPECT_EQ(SplitMemory(uint64_t{64} << 30).read_ahead_bytes, 32 * kMiB);
}

}  // namespace
}  // namespace kappa::server
