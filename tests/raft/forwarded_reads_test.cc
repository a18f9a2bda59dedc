#include "raft/forwarded_reads.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1, process 40, follows 2 in term 5.
class ForwardedReadsTest : public testing::Test {
 protected:
  ForwardedReadsTest() {
    CoreOptions options = OptionsOf(1);
    options.instance = 40;
    RestoredState restored = Restored(Voters({1, 2, 3}), {1, 1});
    restored.hard_state.term = Term(5);
    context_.emplace(options, restored);
    context_->SetLeader(Replica(2));
  }
  Message Ask(uint64_t read) {
    reads_.Add(read);
    EXPECT_TRUE(reads_.due());
    reads_.Ask(*context_);
    EXPECT_FALSE(reads_.due());
    return context_->TakeOutput().messages.at(0);
  }
  Message ResponseTo(const Message& request, uint64_t index) {
    Message response = MessageOf(MessageType::kReadResponse, 2, 1, 5);
    response.granted = true;
    response.read_id = request.read_id;
    response.read_instance = request.read_instance;
    response.read_index = LogIndex(index);
    return response;
  }
  Output Respond(const Message& response) {
    reads_.OnReadResponse(*context_, response);
    return context_->TakeOutput();
  }

  std::optional<Context> context_;
  ForwardedReads reads_;
};

TEST_F(ForwardedReadsTest, AnAnswerServesItsBatchAndAllBefore) {
  reads_.Add(70);
  const Message first = Ask(71);
  EXPECT_EQ(first.type, MessageType::kReadRequest);
  EXPECT_EQ(first.to, Replica(2));
  EXPECT_EQ(first.read_instance, 40u);
  const Message second = Ask(72);
  EXPECT_NE(second.read_id, first.read_id);
  Ask(73);
  const Output output = Respond(ResponseTo(second, 9));
  ASSERT_EQ(output.reads_confirmed.size(), 3u);
  EXPECT_EQ(output.reads_confirmed[0].id, 70u);
  EXPECT_EQ(output.reads_confirmed[2].id, 72u);
  EXPECT_EQ(output.reads_confirmed[2].index, LogIndex(9));
  EXPECT_FALSE(reads_.empty());
}

// RAFT.md 6.
TEST_F(ForwardedReadsTest, TakesNoAnswerToAnotherQuestion) {
  const Message first = Ask(70);
  EXPECT_EQ(Respond(ResponseTo(first, 3)).reads_confirmed.size(), 1u);
  Ask(71);
  EXPECT_TRUE(Respond(ResponseTo(first, 3)).reads_confirmed.empty());
  Message former = ResponseTo(first, 3);
  former.read_id += 1;
  former.read_instance = 39;  // before a restart
  EXPECT_TRUE(Respond(former).reads_confirmed.empty());
  Message stranger = ResponseTo(first, 3);
  stranger.read_id += 1;
  stranger.from = Replica(3);
  EXPECT_TRUE(Respond(stranger).reads_confirmed.empty());
  // A read that came after the question waits for the next one.
  reads_.Add(72);
  Message newest = ResponseTo(first, 3);
  newest.read_id += 1;
  EXPECT_EQ(Respond(newest).reads_confirmed.size(), 1u);
  EXPECT_FALSE(reads_.empty());
}

TEST_F(ForwardedReadsTest, NumbersOutliveTheRole) {
  const Message first = Ask(70);
  reads_.RefuseAll(*context_);
  EXPECT_EQ(context_->TakeOutput().reads_refused, (std::vector<uint64_t>{70}));
  reads_ = ForwardedReads();  // follower again, in the same term
  Ask(71);
  EXPECT_TRUE(Respond(ResponseTo(first, 3)).reads_confirmed.empty());
}

TEST_F(ForwardedReadsTest, AsksAgainAndGivesUpAfterAnElectionTime) {
  const Message first = Ask(70);
  reads_.Tick(*context_);
  const Output again = context_->TakeOutput();
  ASSERT_EQ(again.messages.size(), 1u);
  EXPECT_EQ(again.messages[0].read_id, first.read_id);
  for (int i = 0; i < 8; ++i) reads_.Tick(*context_);
  EXPECT_TRUE(context_->TakeOutput().reads_refused.empty());
  reads_.Tick(*context_);
  EXPECT_EQ(context_->TakeOutput().reads_refused, (std::vector<uint64_t>{70}));
  reads_.Tick(*context_);
  EXPECT_TRUE(context_->TakeOutput().messages.empty());
}

TEST_F(ForwardedReadsTest, ARefusalIsPassedOn) {
  const Message first = Ask(70);
  Message refusal = ResponseTo(first, 0);
  refusal.granted = false;
  EXPECT_EQ(Respond(refusal).reads_refused, (std::vector<uint64_t>{70}));
}

}  // namespace
}  // namespace kappa::raft
