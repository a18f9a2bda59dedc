#include "raft/read_queue.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace kappa::raft {
namespace {

TEST(ReadQueueTest, AReadWaitsForARoundThatBeganAfterIt) {
  ReadQueue reads;
  EXPECT_FALSE(reads.needs_round());
  reads.BeginRound();
  reads.Add(70);
  EXPECT_TRUE(reads.needs_round());
  uint64_t id = 0;
  EXPECT_FALSE(reads.TakeConfirmed(1, &id));
  reads.BeginRound();
  EXPECT_FALSE(reads.needs_round());
  reads.Add(71);
  EXPECT_TRUE(reads.needs_round());
  EXPECT_TRUE(reads.TakeConfirmed(2, &id));
  EXPECT_EQ(id, 70u);
  EXPECT_FALSE(reads.TakeConfirmed(2, &id));
  reads.BeginRound();
  EXPECT_TRUE(reads.TakeConfirmed(3, &id));
  EXPECT_EQ(id, 71u);
  EXPECT_TRUE(reads.empty());
  reads.CheckInvariants();
}

TEST(ReadQueueTest, GivesUpReadsInTheirOrder) {
  ReadQueue reads;
  reads.Add(3);
  reads.BeginRound();
  reads.Add(1);
  uint64_t id = 0;
  EXPECT_TRUE(reads.TakeAny(&id));
  EXPECT_EQ(id, 3u);
  EXPECT_TRUE(reads.TakeAny(&id));
  EXPECT_EQ(id, 1u);
  EXPECT_FALSE(reads.TakeAny(&id));
}

}  // namespace
}  // namespace kappa::raft
