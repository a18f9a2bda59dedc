#include "raft/base_receiver.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

LogBase BaseAt(EntryId id, uint64_t state_bytes) {
  LogBase base;
  base.id = id;
  base.state_bytes = state_bytes;
  base.configuration = Voters({1, 2});
  return base;
}

// Replica 1 follows 2 in term 5.
class BaseReceiverTest : public testing::Test {
 protected:
  void Start(const std::vector<uint64_t>& terms,
             std::optional<PartialBase> partial = std::nullopt) {
    RestoredState restored = Restored(Voters({1, 2, 3}), terms);
    restored.hard_state.term = Term(5);
    restored.partial_base = partial;
    context_.emplace(OptionsOf(1), restored);
    context_->SetLeader(Replica(2));
  }
  Output Give(const LogBase& base, uint64_t offset, uint64_t bytes) {
    Message request = MessageOf(MessageType::kBaseRequest, 2, 1, 5);
    auto chunk = std::make_shared<BaseChunk>();
    chunk->base = base;
    chunk->offset = offset;
    chunk->bytes = bytes;
    request.chunk = chunk;
    TakeBaseRequest(*context_, request);
    context_->CheckInvariants();
    return context_->TakeOutput();
  }
  // The answer, wherever it waits.
  static Message AnswerIn(const Output& output) {
    if (!output.messages.empty()) return output.messages.at(0);
    return output.persists.at(0).messages_after.at(0);
  }

  std::optional<Context> context_;
};

TEST_F(BaseReceiverTest, KeepsChunksAsideAndInstallsWithTheLast) {
  Start({1, 1});
  const LogBase base = BaseAt(At(4, 90), 25);
  Output output = Give(base, 0, 10);
  ASSERT_NE(output.persists.at(0).base_chunk, nullptr);
  EXPECT_FALSE(output.persists[0].install_base.has_value());
  EXPECT_TRUE(output.messages.empty());  // only once it is durable
  EXPECT_TRUE(AnswerIn(output).granted);
  EXPECT_EQ(AnswerIn(output).chunk_end, 10u);
  EXPECT_EQ(AnswerIn(output).last, At(4, 90));
  EXPECT_EQ(AnswerIn(Give(base, 10, 10)).chunk_end, 20u);
  EXPECT_EQ(context_->log().last(), At(1, 2));
  output = Give(base, 20, 5);
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].base_chunk->offset, 20u);
  EXPECT_EQ(output.persists[0].install_base, base);
  EXPECT_EQ(AnswerIn(output).type, MessageType::kAppendResponse);
  EXPECT_EQ(AnswerIn(output).match, LogIndex(90));
  EXPECT_EQ(context_->log().last(), At(4, 90));
  EXPECT_EQ(context_->committed(), LogIndex(90));
  EXPECT_EQ(context_->configuration(), Voters({1, 2}));
  EXPECT_EQ(context_->staged_base(), nullptr);
}

TEST_F(BaseReceiverTest, AnEmptyStateIsInstalledAtOnce) {
  Start({1});
  const Output output = Give(BaseAt(At(4, 9), 0), 0, 0);
  EXPECT_TRUE(output.persists.at(0).install_base.has_value());
}

TEST_F(BaseReceiverTest, NamesTheOffsetWhereToGoOn) {
  Start({1});
  const LogBase base = BaseAt(At(4, 90), 25);
  Output output = Give(base, 10, 10);  // the first one got lost
  EXPECT_TRUE(output.persists.empty());
  EXPECT_FALSE(AnswerIn(output).granted);
  EXPECT_EQ(AnswerIn(output).chunk_end, 0u);
  Give(base, 0, 10);
  output = Give(base, 0, 10);  // twice
  EXPECT_EQ(output.persists.at(0).base_chunk, nullptr);
  EXPECT_TRUE(AnswerIn(output).granted);
  EXPECT_EQ(AnswerIn(output).chunk_end, 10u);
}

TEST_F(BaseReceiverTest, GoesOnAfterARestart) {
  const LogBase base = BaseAt(At(4, 90), 25);
  Start({1}, PartialBase{base, 20});
  EXPECT_EQ(AnswerIn(Give(base, 0, 10)).chunk_end, 20u);
  EXPECT_TRUE(Give(base, 20, 5).persists.at(0).install_base.has_value());
}

TEST_F(BaseReceiverTest, AnotherBaseBeginsAtZero) {
  Start({1}, PartialBase{BaseAt(At(4, 90), 25), 20});
  LogBase other = BaseAt(At(4, 90), 25);
  other.offset = Offset(7);  // same id, but not the same state
  EXPECT_FALSE(AnswerIn(Give(other, 20, 5)).granted);
  EXPECT_EQ(AnswerIn(Give(other, 20, 5)).chunk_end, 0u);
  EXPECT_EQ(context_->staged_base()->bytes, 20u);
  EXPECT_EQ(AnswerIn(Give(other, 0, 5)).chunk_end, 5u);
  EXPECT_EQ(context_->staged_base()->bytes, 5u);
}

TEST_F(BaseReceiverTest, AcknowledgesWhatItDoesNotNeed) {
  Start({1, 1, 4, 4});
  // Its entry is there, so everything up to it is, and is committed.
  Output output = Give(BaseAt(At(4, 3), 25), 0, 10);
  EXPECT_TRUE(output.persists.empty());
  EXPECT_EQ(AnswerIn(output).type, MessageType::kAppendResponse);
  EXPECT_EQ(AnswerIn(output).match, LogIndex(3));
  EXPECT_EQ(context_->committed(), LogIndex(3));
  output = Give(BaseAt(At(1, 2), 25), 0, 10);
  EXPECT_EQ(AnswerIn(output).match, LogIndex(3));
  EXPECT_EQ(context_->log().last(), At(4, 4));
}

TEST_F(BaseReceiverTest, IgnoresNonsense) {
  Start({1});
  EXPECT_TRUE(Give(BaseAt(At(6, 9), 0), 0, 0).persists.empty());
  EXPECT_TRUE(Give(BaseAt(At(4, 9), 5), 6, 0).persists.empty());
  EXPECT_TRUE(Give(BaseAt(At(4, 9), 5), 3, 3).persists.empty());
  EXPECT_TRUE(Give(BaseAt(At(4, 9), 5), 0, 0).persists.empty());
  Message request = MessageOf(MessageType::kBaseRequest, 2, 1, 5);
  TakeBaseRequest(*context_, request);
  EXPECT_FALSE(context_->HasOutput());
}

// RELIABILITY.md S10.
TEST_F(BaseReceiverTest, SaysThatItsDiskIsFull) {
  Start({1});
  context_->SetDiskFull(true);
  const Output output = Give(BaseAt(At(4, 90), 25), 0, 10);
  EXPECT_TRUE(output.persists.empty());
  EXPECT_FALSE(AnswerIn(output).granted);
  EXPECT_TRUE(AnswerIn(output).full);
}

}  // namespace
}  // namespace kappa::raft
