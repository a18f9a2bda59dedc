#include "raft/uncommitted_tail.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

TEST(UncommittedTailTest, SumsWhatIsNotCommitted) {
  UncommittedTail tail;
  tail.Push(Records(At(3, 5), 100));
  tail.Push(Records(At(3, 6), 20));
  tail.Push(Records(At(3, 7), 3));
  EXPECT_EQ(tail.payload_bytes(), 123u);
  tail.CheckInvariants(LogIndex(4), LogIndex(5), LogIndex(7));
  tail.PopUpTo(LogIndex(6));
  EXPECT_EQ(tail.payload_bytes(), 3u);
  tail.CheckInvariants(LogIndex(6), LogIndex(5), LogIndex(7));
  tail.PopUpTo(LogIndex(6));
  tail.PopUpTo(LogIndex(7));
  EXPECT_EQ(tail.payload_bytes(), 0u);
  tail.CheckInvariants(LogIndex(7), LogIndex(5), LogIndex(7));
}

TEST(UncommittedTailTest, FindsOnlyWhatItKeeps) {
  UncommittedTail tail;
  EXPECT_EQ(tail.Find(LogIndex(5)), nullptr);
  tail.Push(Records(At(3, 5), 100));
  tail.Push(Records(At(3, 6), 20));
  tail.PopUpTo(LogIndex(5));
  EXPECT_EQ(tail.Find(LogIndex(5)), nullptr);
  ASSERT_NE(tail.Find(LogIndex(6)), nullptr);
  EXPECT_EQ(tail.Find(LogIndex(6))->payload_bytes, 20u);
  EXPECT_EQ(tail.Find(LogIndex(7)), nullptr);
}

TEST(UncommittedTailTest, AdmitsUpToTheLimitAndOneOfAnySizeWhenEmpty) {
  UncommittedTail tail;
  const uint64_t huge = std::numeric_limits<uint64_t>::max();
  EXPECT_TRUE(tail.Admits(1000, 100));
  EXPECT_TRUE(tail.Admits(huge, 100));
  tail.Push(Records(At(1, 1), 60));
  EXPECT_TRUE(tail.Admits(40, 100));
  EXPECT_FALSE(tail.Admits(41, 100));
  EXPECT_FALSE(tail.Admits(huge, 100));
  tail.Push(Records(At(1, 2), 60));
  EXPECT_FALSE(tail.Admits(0, 100));  // over the limit already
  tail.PopUpTo(LogIndex(2));
  EXPECT_TRUE(tail.Admits(1000, 100));
}

}  // namespace
}  // namespace kappa::raft
