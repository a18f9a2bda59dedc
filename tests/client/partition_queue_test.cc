#include "client/cpp/partition_queue.h"

#include <memory>
#include <string>
#include <vector>

#include "client/cpp/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"

namespace kappa::client {
namespace {

using ::kappa::tests::MakeWireError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using State = PartitionQueue::State;

absl::Status Error(grpc::StatusCode code, v1::ErrorReason reason,
                   std::map<std::string, std::string> metadata = {}) {
  return StatusFromWire(MakeWireError(code, reason, "refused", metadata));
}

absl::Status Gap(uint64_t last_sequence) {
  return Error(grpc::FAILED_PRECONDITION, v1::ERROR_REASON_SEQUENCE_GAP,
               {{"last_sequence", std::to_string(last_sequence)}});
}

absl::Status Mismatch() {
  return Error(grpc::FAILED_PRECONDITION,
               v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
}

v1::AppendResponse Ack(uint64_t base_offset) {
  v1::AppendResponse response;
  response.set_base_offset(base_offset);
  response.set_append_time_us(77);
  return response;
}

class PartitionQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<SealedBatch> Push(PartitionQueue* queue) {
    auto batch = std::make_shared<SealedBatch>();
    batch->ready = true;
    batch->sealed_at = absl::FromUnixSeconds(++sealed_);
    queue->Push(batch);
    return batch;
  }

  // Takes everything that may be sent; the sequences, and what each names as
  // its predecessor.
  std::vector<std::pair<uint64_t, uint64_t>> TakeAll(PartitionQueue* queue) {
    std::vector<std::pair<uint64_t, uint64_t>> sequences;
    serials_.clear();
    while (auto attempt = queue->TakeNext()) {
      queue->SetTicket(attempt->serial, serials_.size());
      sequences.emplace_back(attempt->sequence, attempt->previous_sequence);
      serials_.push_back(attempt->serial);
    }
    return sequences;
  }

  int64_t sealed_ = 0;
  std::vector<uint64_t> serials_;
  std::vector<FinishedBatch> finished_;
};

TEST_F(PartitionQueueTest, SendsNothingBeforeItIsOpen) {
  PartitionQueue queue(true, 8);
  Push(&queue);
  EXPECT_FALSE(queue.TakeNext().has_value());
  queue.Open(0);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(1, 0)));
}

TEST_F(PartitionQueueTest, NumbersBatchesAfterTheLastStoredOne) {
  PartitionQueue queue(true, 8);
  queue.Open(41);
  Push(&queue);
  Push(&queue);
  EXPECT_THAT(TakeAll(&queue),
              ElementsAre(std::pair(42, 41), std::pair(43, 42)));
}

TEST_F(PartitionQueueTest, WaitsForABatchThatIsNotReady) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  std::shared_ptr<SealedBatch> first = Push(&queue);
  first->ready = false;
  Push(&queue);
  EXPECT_FALSE(queue.TakeNext().has_value());
  first->ready = true;
  EXPECT_EQ(TakeAll(&queue).size(), 2u);
}

TEST_F(PartitionQueueTest, KeepsToTheLimitInFlight) {
  PartitionQueue queue(true, 2);
  queue.Open(0);
  for (int i = 0; i < 3; ++i) Push(&queue);
  EXPECT_EQ(TakeAll(&queue).size(), 2u);
  queue.OnAnswer(serials_[0], Ack(10), &finished_);
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].result->offset, Offset(10));
  EXPECT_EQ(finished_[0].result->append_time_us, 77);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(3, 2)));
}

TEST_F(PartitionQueueTest, RepeatsInOrderWithTheSameSequencesAfterABreak) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  for (int i = 0; i < 3; ++i) Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  queue.OnBroken(3, absl::UnavailableError("gone"), &finished_);
  EXPECT_EQ(queue.state(), State::kWaiting);
  EXPECT_FALSE(queue.TakeNext().has_value());
  queue.Resume();
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(2, 1), std::pair(3, 2)));
  EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(PartitionQueueTest, StepsOverARefusedBatch) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  for (int i = 0; i < 4; ++i) Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  queue.OnAnswer(serials_[1], Mismatch(), &finished_);
  ASSERT_EQ(finished_.size(), 2u);
  EXPECT_EQ(ReasonOf(finished_[1].result.status()),
            v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
  // Those on their way named the refused one as their predecessor.
  queue.OnAnswer(serials_[2], Gap(1), &finished_);
  EXPECT_EQ(queue.state(), State::kDraining);
  queue.OnAnswer(serials_[3], Gap(1), &finished_);
  EXPECT_EQ(queue.state(), State::kWaiting);
  queue.Resume();
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(3, 1), std::pair(4, 3)));
  queue.OnAnswer(serials_[0], Ack(1), &finished_);
  queue.OnAnswer(serials_[1], Ack(2), &finished_);
  EXPECT_EQ(finished_.size(), 4u);
  EXPECT_TRUE(queue.empty());
}

TEST_F(PartitionQueueTest, ABatchSentAfterARefusalNamesTheLastStoredOne) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], Mismatch(), &finished_);
  Push(&queue);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(2, 0)));
}

TEST_F(PartitionQueueTest, AGapBelowWhatWasAcknowledgedIsAFailure) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  Push(&queue);
  Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  queue.OnAnswer(serials_[1], Gap(0), &finished_);
  ASSERT_EQ(finished_.size(), 2u);
  EXPECT_EQ(ReasonOf(finished_[1].result.status()),
            v1::ERROR_REASON_SEQUENCE_GAP);
}

TEST_F(PartitionQueueTest, AStoredSequenceCountsAsDone) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0],
                 Error(grpc::ALREADY_EXISTS, v1::ERROR_REASON_SEQUENCE_STORED),
                 &finished_);
  ASSERT_EQ(finished_.size(), 1u);
  ASSERT_TRUE(finished_[0].result.ok());
  EXPECT_FALSE(finished_[0].result->offset.has_value());
  EXPECT_TRUE(finished_[0].result->duplicate);
}

TEST_F(PartitionQueueTest, AForgottenSessionFailsOnlyWhatIsInDoubt) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  for (int i = 0; i < 3; ++i) Push(&queue);
  TakeAll(&queue);
  // The first two left, the third did not.
  queue.OnBroken(2, absl::UnavailableError("gone"), &finished_);
  queue.Resume();
  TakeAll(&queue);
  const absl::Status unknown =
      Error(grpc::FAILED_PRECONDITION, v1::ERROR_REASON_PRODUCER_UNKNOWN);
  for (uint64_t serial : serials_) {
    queue.OnAnswer(serial, unknown, &finished_);
  }
  EXPECT_EQ(queue.state(), State::kClosed);
  ASSERT_EQ(finished_.size(), 2u);
  for (const FinishedBatch& batch : finished_) {
    EXPECT_EQ(ReasonOf(batch.result.status()),
              v1::ERROR_REASON_OUTCOME_UNKNOWN);
    EXPECT_FALSE(IsDefinite(batch.result.status()));
  }
  queue.Open(0);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(1, 0)));
}

TEST_F(PartitionQueueTest, AConditionalAppendWithoutSequenceIsNotRepeated) {
  PartitionQueue queue(/*exact=*/false, 8);
  queue.Open(0);
  Push(&queue)->expected_offset = 5;
  Push(&queue);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(0, 0), std::pair(0, 0)));
  queue.OnBroken(2, absl::UnavailableError("gone"), &finished_);
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_FALSE(IsDefinite(finished_[0].result.status()));
  queue.Resume();
  EXPECT_EQ(TakeAll(&queue).size(), 1u);
}

TEST_F(PartitionQueueTest, AnUnsentConditionalAppendIsSentLater) {
  PartitionQueue queue(/*exact=*/false, 8);
  queue.Open(0);
  Push(&queue)->expected_offset = 5;
  TakeAll(&queue);
  queue.OnBroken(0, absl::UnavailableError("gone"), &finished_);
  EXPECT_TRUE(finished_.empty());
  queue.Resume();
  EXPECT_EQ(TakeAll(&queue).size(), 1u);
}

TEST_F(PartitionQueueTest, AnExpiredBatchMayOrMayNotBeThePredecessor) {
  for (const bool stored : {false, true}) {
    SCOPED_TRACE(stored);
    PartitionQueue queue(true, 8);
    finished_.clear();
    queue.Open(0);
    Push(&queue);
    TakeAll(&queue);
    const uint64_t expired = serials_[0];
    queue.Expire(absl::InfiniteFuture(), &finished_);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(finished_[0].result.status().code(),
              absl::StatusCode::kDeadlineExceeded);
    EXPECT_FALSE(IsDefinite(finished_[0].result.status()));
    Push(&queue);
    EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(2, 1)));
    const uint64_t next = serials_[0];
    if (stored) {
      queue.OnAnswer(expired, Ack(0), &finished_);
      queue.OnAnswer(next, Ack(1), &finished_);
    } else {
      queue.OnBroken(0, absl::UnavailableError("gone"), &finished_);
      queue.Resume();
      TakeAll(&queue);
      queue.OnAnswer(serials_[0], Gap(0), &finished_);
      queue.Resume();
      EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(2, 0)));
      queue.OnAnswer(serials_[0], Ack(0), &finished_);
    }
    ASSERT_EQ(finished_.size(), 2u);
    EXPECT_TRUE(finished_[1].result.ok());
  }
}

TEST_F(PartitionQueueTest, AnExpiredBatchThatNeverLeftIsDefinite) {
  PartitionQueue queue(true, 8);
  Push(&queue);
  queue.Expire(absl::InfiniteFuture(), &finished_);
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(IsDefinite(finished_[0].result.status()));
}

TEST_F(PartitionQueueTest, AnExpiredBatchTellsTheTroubleBefore) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  Push(&queue);
  for (int i = 0; i < 2; ++i) {
    TakeAll(&queue);
    queue.OnAnswer(serials_[0],
                   Error(grpc::RESOURCE_EXHAUSTED, v1::ERROR_REASON_DISK_FULL),
                   &finished_);
    queue.Resume();
  }
  queue.Expire(absl::InfiniteFuture(), &finished_);
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_THAT(std::string(finished_[0].result.status().message()),
              HasSubstr("failed 2 times in a row, last by DISK_FULL"));
  // After a success there is no trouble to tell.
  Push(&queue);
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  Push(&queue);
  queue.Expire(absl::InfiniteFuture(), &finished_);
  ASSERT_EQ(finished_.size(), 3u);
  EXPECT_THAT(std::string(finished_[2].result.status().message()),
              Not(HasSubstr("in a row")));
}

TEST_F(PartitionQueueTest, ExpiryLeavesYoungerBatches) {
  PartitionQueue queue(true, 8);
  Push(&queue);
  Push(&queue);
  queue.Expire(absl::FromUnixSeconds(1), &finished_);
  EXPECT_EQ(finished_.size(), 1u);
  EXPECT_FALSE(queue.empty());
}

TEST_F(PartitionQueueTest, DamageInPassingIsRepeatedThreeTimes) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  Push(&queue);
  const absl::Status damage =
      Error(grpc::INVALID_ARGUMENT, v1::ERROR_REASON_CHECKSUM_MISMATCH);
  for (int i = 0; i < 2; ++i) {
    TakeAll(&queue);
    queue.OnAnswer(serials_[0], damage, &finished_);
    ASSERT_TRUE(finished_.empty());
    queue.Resume();
  }
  TakeAll(&queue);
  queue.OnAnswer(serials_[0], damage, &finished_);
  EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(PartitionQueueTest, GivingUpTellsWhatMayHaveBeenStored) {
  PartitionQueue queue(true, 1);
  queue.Open(0);
  Push(&queue);
  Push(&queue);
  TakeAll(&queue);
  queue.FailAll(absl::FailedPreconditionError("closed"), &finished_);
  ASSERT_EQ(finished_.size(), 2u);
  EXPECT_FALSE(IsDefinite(finished_[0].result.status()));
  EXPECT_EQ(finished_[1].result.status().code(),
            absl::StatusCode::kFailedPrecondition);
  // An answer that comes late changes nothing.
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  EXPECT_EQ(finished_.size(), 2u);
}

TEST_F(PartitionQueueTest, TriesWithOneBatchAfterTheSecondFailure) {
  PartitionQueue queue(true, 8);
  queue.Open(0);
  for (int i = 0; i < 3; ++i) Push(&queue);
  const absl::Status refusal =
      Error(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER);
  for (const size_t sent : {3, 3, 1, 1}) {
    EXPECT_EQ(TakeAll(&queue).size(), sent);
    const std::vector<uint64_t> serials = serials_;
    for (const uint64_t serial : serials) {
      queue.OnAnswer(serial, refusal, &finished_);
    }
    ASSERT_EQ(queue.state(), State::kWaiting);
    queue.Resume();
  }
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(1, 0)));
  queue.OnAnswer(serials_[0], Ack(0), &finished_);
  EXPECT_THAT(TakeAll(&queue), ElementsAre(std::pair(2, 1), std::pair(3, 2)));
  EXPECT_EQ(finished_.size(), 1u);
}

}  // namespace
}  // namespace kappa::client
