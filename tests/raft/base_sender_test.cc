#include "raft/base_sender.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

std::shared_ptr<const LogBase> BaseOf(uint64_t state_bytes) {
  auto base = std::make_shared<LogBase>();
  base->id = At(2, 10);
  base->state_bytes = state_bytes;
  return base;
}

TEST(BaseSenderTest, AnEmptyStateIsOneEmptyChunk) {
  BaseSender sender(BaseOf(0));
  ASSERT_TRUE(sender.MaySend(10));
  const std::shared_ptr<const BaseChunk> chunk = sender.Next(10);
  EXPECT_EQ(chunk->base.id, At(2, 10));
  EXPECT_EQ(chunk->bytes, 0u);
  EXPECT_TRUE(chunk->last());
  EXPECT_FALSE(sender.MaySend(10));
}

TEST(BaseSenderTest, SendsTheFirstChunkAloneThenTwo) {
  BaseSender sender(BaseOf(50));
  EXPECT_EQ(sender.Next(10)->offset, 0u);
  EXPECT_FALSE(sender.MaySend(10));
  sender.RecordAnswer(true, false, 10);
  EXPECT_EQ(sender.Next(10)->offset, 10u);
  EXPECT_EQ(sender.Next(10)->offset, 20u);
  EXPECT_FALSE(sender.MaySend(10));
  sender.RecordAnswer(true, false, 20);
  EXPECT_EQ(sender.Next(10)->offset, 30u);
  sender.RecordAnswer(true, false, 40);
  const std::shared_ptr<const BaseChunk> last = sender.Next(10);
  EXPECT_EQ(last->offset, 40u);
  EXPECT_TRUE(last->last());
  EXPECT_FALSE(sender.MaySend(10));
  EXPECT_EQ(sender.acknowledged(), 40u);
}

TEST(BaseSenderTest, ResumesWhereTheReceiverStands) {
  BaseSender sender(BaseOf(50));
  sender.Next(10);
  sender.RecordAnswer(true, false, 30);  // it had them from before
  EXPECT_EQ(sender.Next(10)->offset, 30u);
  sender.RecordAnswer(false, false, 0);  // it lost everything
  EXPECT_EQ(sender.Next(10)->offset, 0u);
  EXPECT_FALSE(sender.MaySend(10));
  sender.CheckInvariants();
}

TEST(BaseSenderTest, SendsAgainWhatNobodyAnswers) {
  BaseSender sender(BaseOf(50));
  sender.Next(10);
  sender.RecordAnswer(true, false, 10);
  sender.Next(10);
  sender.Next(10);
  for (int i = 0; i < 3; ++i) sender.RecordHeartbeat();
  EXPECT_EQ(sender.Next(10)->offset, 10u);
  for (int i = 0; i < 2; ++i) sender.RecordHeartbeat();
  EXPECT_FALSE(sender.MaySend(10));
}

TEST(BaseSenderTest, WaitsAHeartbeatForAFullDisk) {
  BaseSender sender(BaseOf(50));
  sender.Next(10);
  sender.RecordAnswer(false, true, 0);
  EXPECT_FALSE(sender.MaySend(10));
  sender.RecordHeartbeat();
  EXPECT_TRUE(sender.MaySend(10));
}

// Once it asked again after a full disk it waited for ever, if that was the
// last chunk and it, or its answer, was lost.
TEST(BaseSenderTest, SendsTheLastChunkAgainThatWasLostAfterAFullDisk) {
  BaseSender sender(BaseOf(5));
  sender.Next(10);
  sender.RecordAnswer(false, true, 0);
  sender.RecordHeartbeat();
  EXPECT_TRUE(sender.Next(10)->last());
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(sender.MaySend(10));
    sender.RecordHeartbeat();
  }
  EXPECT_TRUE(sender.Next(10)->last());
}

TEST(BaseSenderTest, SendsAgainInTheEndUnderAnyAnswers) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 2000; ++run) {
    BaseSender sender(BaseOf(random() % 60));
    for (int step = 0; step < 60; ++step) {
      switch (random() % 3) {
        case 0:
          if (sender.MaySend(7)) sender.Next(7);
          break;
        case 1:
          sender.RecordAnswer(random() % 4 != 0, random() % 8 == 0,
                              random() % 80);
          break;
        default:
          sender.RecordHeartbeat();
      }
      sender.CheckInvariants();
    }
    // Nobody answers any more.
    while (sender.MaySend(7)) sender.Next(7);
    for (int i = 0; i < 4; ++i) sender.RecordHeartbeat();
    EXPECT_TRUE(sender.MaySend(7));
  }
}

}  // namespace
}  // namespace kappa::raft
