#include "server/memory_window.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

// A batch of `count` records at `base`.
storage::StoredEntry Batch(uint64_t index, uint64_t base, uint32_t count,
                           size_t bytes) {
  storage::StoredEntry entry;
  entry.header.kind = raft::EntryKind::kRecords;
  entry.header.index = LogIndex(index);
  entry.header.base_offset = Offset(base);
  entry.header.record_count = count;
  entry.payload = Payload::FromString(std::string(bytes, 'x'));
  return entry;
}

TEST(MemoryWindowTest, FindsByOffsetAndByIndex) {
  WindowBudget budget(1 << 20);
  MemoryWindow window(&budget);
  EXPECT_FALSE(window.ReadForwards(Offset(0), Offset(9), 1).has_value());
  window.Add(Batch(5, 100, 2, 10));
  window.Add(Batch(7, 102, 3, 10));  // 6 was a control entry
  window.Add(Batch(8, 105, 1, 10));
  EXPECT_EQ(window.first_offset(), Offset(100));
  EXPECT_FALSE(window.ReadForwards(Offset(99), Offset(200), 1).has_value());
  const auto found = window.ReadForwards(Offset(103), Offset(200), 1000);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->front().header.base_offset, Offset(102));
  EXPECT_EQ(window.ReadForwards(Offset(100), Offset(105), 1000)->size(), 2u);
  EXPECT_EQ(window.ReadForwards(Offset(100), Offset(200), 11)->size(), 2u);
  EXPECT_EQ(window.ReadBackwards(Offset(106), Offset(102), 1000)->size(), 2u);
  EXPECT_FALSE(window.ReadBackwards(Offset(100), Offset(0), 1).has_value());
  EXPECT_EQ(window.FindIndex(LogIndex(6)), nullptr);
  EXPECT_EQ(window.FindIndex(LogIndex(4)), nullptr);
  EXPECT_EQ(window.FindIndex(LogIndex(9)), nullptr);
  EXPECT_EQ(window.FindIndex(LogIndex(7))->base_offset, Offset(102));
}

TEST(MemoryWindowTest, TheOldestBatchOfAllWindowsGoesFirst) {
  WindowBudget budget(50'000);
  MemoryWindow first(&budget);
  MemoryWindow second(&budget);
  first.Add(Batch(1, 0, 1, 18'000));
  second.Add(Batch(1, 0, 1, 18'000));
  EXPECT_EQ(budget.entries(), 2u);
  first.Add(Batch(2, 1, 1, 18'000));
  EXPECT_EQ(budget.entries(), 2u);
  EXPECT_EQ(first.first_offset(), Offset(1));
  EXPECT_EQ(second.first_offset(), Offset(0));
  second.Add(Batch(2, 1, 1, 18'000));
  EXPECT_EQ(second.first_offset(), Offset(1));
  first.Add(Batch(3, 2, 1, 60'000));  // larger than the budget
  EXPECT_TRUE(first.empty());
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(budget.bytes(), 0u);
}

TEST(MemoryWindowTest, AWindowThatGoesGivesItsBytesBack) {
  WindowBudget budget(100'000);
  MemoryWindow kept(&budget);
  {
    MemoryWindow gone(&budget);
    gone.Add(Batch(1, 0, 1, 10'000));
    kept.Add(Batch(1, 0, 1, 10'000));
    gone.Add(Batch(2, 1, 1, 10'000));
  }
  EXPECT_EQ(budget.entries(), 1u);
  EXPECT_LT(budget.bytes(), 12'000u);
  for (uint64_t i = 0; i < 20; ++i) kept.Add(Batch(2 + i, 1 + i, 1, 20'000));
  EXPECT_LE(budget.bytes(), 100'000u);
  EXPECT_EQ(budget.entries(), 4u);
}

TEST(MemoryWindowTest, WindowsThatComeAndGoLeaveTheOthersAlone) {
  WindowBudget budget(30'000);
  MemoryWindow kept(&budget);
  kept.Add(Batch(1, 0, 1, 10'000));
  for (int i = 0; i < 10'000; ++i) {
    MemoryWindow passing(&budget);
    passing.Add(Batch(1, 0, 1, 10));
    passing.Add(Batch(2, 1, 1, 10));
    ASSERT_EQ(budget.entries(), 3u);
  }
  EXPECT_EQ(budget.entries(), 1u);
  EXPECT_EQ(kept.first_offset(), Offset(0));
  for (uint64_t i = 1; i < 4; ++i) kept.Add(Batch(1 + i, i, 1, 10'000));
  EXPECT_EQ(budget.entries(), 2u);
  EXPECT_EQ(kept.first_offset(), Offset(2));
}

}  // namespace
}  // namespace kappa::server
