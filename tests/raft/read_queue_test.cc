#include "raft/read_queue.h"

#include <gtest/gtest.h>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

TEST(ReadQueueTest, AReadWaitsForARoundThatBeganAfterIt) {
  ReadQueue reads;
  EXPECT_FALSE(reads.needs_round());
  reads.BeginRound();
  reads.Add(70);
  EXPECT_TRUE(reads.needs_round());
  ReadQueue::WaitingRead read;
  EXPECT_FALSE(reads.TakeConfirmed(1, &read));
  reads.BeginRound();
  EXPECT_FALSE(reads.needs_round());
  reads.Add(71);
  EXPECT_TRUE(reads.needs_round());
  EXPECT_TRUE(reads.TakeConfirmed(2, &read));
  EXPECT_EQ(read.id, 70u);
  EXPECT_FALSE(reads.TakeConfirmed(2, &read));
  reads.BeginRound();
  EXPECT_TRUE(reads.TakeConfirmed(3, &read));
  EXPECT_EQ(read.id, 71u);
  EXPECT_TRUE(reads.empty());
  reads.CheckInvariants();
}

TEST(ReadQueueTest, GivesUpReadsInTheirOrder) {
  ReadQueue reads;
  reads.Add(3);
  reads.BeginRound();
  reads.Add(1);
  ReadQueue::WaitingRead read;
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.id, 3u);
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.id, 1u);
  EXPECT_FALSE(reads.TakeAny(&read));
}

TEST(ReadQueueTest, KnowsWhoAsksAndKeepsARepeatedQuestionOnce) {
  ReadQueue reads;
  reads.Add(5);
  reads.AddFor(Replica(2), 70, 5);
  reads.AddFor(Replica(2), 70, 5);
  reads.AddFor(Replica(2), 71, 5);  // another start of its process
  reads.AddFor(Replica(3), 70, 5);
  ReadQueue::WaitingRead read;
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.from, ReplicaId{});
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.from, Replica(2));
  EXPECT_EQ(read.instance, 70u);
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.instance, 71u);
  EXPECT_TRUE(reads.TakeAny(&read));
  EXPECT_EQ(read.from, Replica(3));
  EXPECT_FALSE(reads.TakeAny(&read));
}

}  // namespace
}  // namespace kappa::raft
