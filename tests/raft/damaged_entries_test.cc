#include "raft/damaged_entries.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// A log of terms 2 2 2 4 4 after the base (1, 3).
TermTable Log() {
  TermTable log(At(1, 3));
  for (uint64_t term : {2, 2, 2, 4, 4}) {
    log.Append(EntryId{Term(term), log.last().index.Next()});
  }
  return log;
}

TEST(DamagedEntriesTest, KeepsThemAscendingAndOnce) {
  DamagedEntries damaged;
  EXPECT_TRUE(damaged.empty());
  EXPECT_EQ(damaged.lowest(), EntryId{});
  damaged.Add(At(4, 7), Digest{7});
  damaged.Add(At(2, 5), Digest{5});
  damaged.Add(At(2, 5), Digest{5});
  damaged.CheckInvariants(Log());
  EXPECT_EQ(damaged.size(), 2u);
  EXPECT_EQ(damaged.lowest(), At(2, 5));
  EXPECT_TRUE(damaged.Contains(LogIndex(7)));
  EXPECT_FALSE(damaged.Contains(LogIndex(6)));
  EXPECT_EQ(damaged.Find(LogIndex(7))->chain, Digest{7});
  EXPECT_EQ(damaged.FirstFrom(LogIndex(4)), LogIndex(5));
  EXPECT_EQ(damaged.FirstFrom(LogIndex(6)), LogIndex(7));
  EXPECT_EQ(damaged.FirstFrom(LogIndex(8)), std::nullopt);
}

TEST(DamagedEntriesTest, IsRepairedOnlyWhenTheWriteIsDurable) {
  DamagedEntries damaged;
  damaged.Add(At(2, 5), Digest{});
  damaged.Add(At(4, 7), Digest{});
  EXPECT_FALSE(damaged.BeginRepair(At(4, 5), 3));  // another entry
  EXPECT_FALSE(damaged.BeginRepair(At(2, 6), 3));
  EXPECT_TRUE(damaged.BeginRepair(At(2, 5), 3));
  EXPECT_FALSE(damaged.BeginRepair(At(2, 5), 4));  // once is enough
  EXPECT_FALSE(damaged.FinishRepairs(2));
  EXPECT_TRUE(damaged.Contains(LogIndex(5)));
  EXPECT_TRUE(damaged.FinishRepairs(3));
  EXPECT_FALSE(damaged.Contains(LogIndex(5)));
  EXPECT_TRUE(damaged.Contains(LogIndex(7)));
}

TEST(DamagedEntriesTest, DamagedAgainWhileBeingRepaired) {
  DamagedEntries damaged;
  damaged.Add(At(2, 5), Digest{});
  EXPECT_TRUE(damaged.BeginRepair(At(2, 5), 3));
  damaged.Add(At(2, 5), Digest{});
  EXPECT_FALSE(damaged.FinishRepairs(3));
  EXPECT_TRUE(damaged.BeginRepair(At(2, 5), 4));
}

TEST(DamagedEntriesTest, FollowsTheLog) {
  DamagedEntries damaged;
  for (EntryId id : {At(2, 4), At(2, 5), At(4, 7), At(4, 8)}) {
    damaged.Add(id, Digest{});
  }
  damaged.DropFrom(LogIndex(8));
  damaged.DropUpTo(LogIndex(4));
  EXPECT_EQ(damaged.size(), 2u);
  EXPECT_EQ(damaged.lowest(), At(2, 5));
  damaged.DropFrom(LogIndex(1));
  EXPECT_TRUE(damaged.empty());
}

// RELIABILITY.md S8: only proof counts.
TEST(DamagedEntriesTest, SaysLacksOnlyWhenTheLogProvesIt) {
  DamagedEntries damaged;
  damaged.Add(At(2, 5), Digest{});
  const TermTable log = Log();
  EXPECT_EQ(HoldingOf(log, damaged, At(2, 4)), Holding::kHolds);
  EXPECT_EQ(HoldingOf(log, damaged, At(2, 5)), Holding::kUnknown);
  EXPECT_EQ(HoldingOf(log, damaged, At(3, 5)), Holding::kLacks);
  EXPECT_EQ(HoldingOf(log, damaged, At(4, 9)), Holding::kLacks);
  EXPECT_EQ(HoldingOf(log, damaged, At(1, 3)), Holding::kUnknown);
  EXPECT_EQ(HoldingOf(log, damaged, At(1, 2)), Holding::kUnknown);
}

}  // namespace
}  // namespace kappa::raft
