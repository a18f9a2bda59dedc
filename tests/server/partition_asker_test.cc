#include "server/partition_asker.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/errors.h"
#include "server/shard.h"
#include "server/status_message.h"
#include "storage/log_writer.h"
#include "storage/memory_log_store.h"
#include "tests/server/awaited.h"
#include "tests/server/manual_clock.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

using raft::v1::PartitionRequest;
using raft::v1::PartitionResponse;

constexpr GroupId kElsewhere{7};

// Answers what it is asked with what was prepared, in that order.
class PreparedPeers final : public PeerNetwork {
 public:
  struct Asked {
    NodeId node;
    PartitionRequest request;
  };
  std::deque<absl::StatusOr<PartitionResponse>> answers;
  std::vector<Asked> asked;

  void SetPeer(NodeId, const std::string&) override {}
  void Send(NodeId, std::vector<PeerMessage>) override {}
  std::optional<int64_t> LastHeardUs(NodeId) const override {
    return std::nullopt;
  }
  std::optional<int64_t> ClockAheadUs(NodeId) const override {
    return std::nullopt;
  }
  void Forward(NodeId, raft::v1::ForwardRequest, int64_t,
               Callback<raft::v1::ForwardResponse> done) override {
    done(absl::UnimplementedError("not here"));
  }
  void AskPartition(NodeId node, PartitionRequest request, int64_t,
                    Callback<PartitionResponse> done) override {
    asked.push_back({node, std::move(request)});
    absl::StatusOr<PartitionResponse> answer = std::move(answers.front());
    answers.pop_front();
    done(std::move(answer));
  }
  void Stop() override {}
};

PartitionResponse LedBy(uint64_t node) {
  PartitionResponse response;
  *response.mutable_error() = ToStatusMessage(
      MakeError(v1::ERROR_REASON_NOT_LEADER, "another node leads",
                {{"leader_node", absl::StrCat(node)}}));
  return response;
}

PartitionResponse EndAt(uint64_t offset) {
  PartitionResponse response;
  response.set_end_offset(offset);
  return response;
}

PartitionRequest End() {
  PartitionRequest request;
  request.set_group_id(kElsewhere.value());
  request.set_partition(3);
  request.set_end(true);
  return request;
}

PartitionRequest Fence() {
  PartitionRequest request = End();
  request.mutable_fence()->set_producer_id(std::string(16, 'p'));
  request.mutable_fence()->set_epoch(1);
  return request;
}

// A node that holds no partition; node 2 is the one to ask for one.
class PartitionAskerTest : public testing::Test {
 protected:
  PartitionAskerTest() {
    storage::LogWriterOptions options;
    options.on_fatal = [](const absl::Status&) {};
    writer_ = std::make_unique<storage::LogWriter>(&store_, options);
    ShardServices services;
    services.store = &store_;
    services.writer = writer_.get();
    services.clock = &clock_;
    shard_ = std::make_unique<Shard>(ShardOptions(), services);
    router_.AddShard(shard_.get());
    shard_->Post(
        [](Shard& shard) { shard.AddElsewhere(kElsewhere, {NodeId(2)}); });
  }
  ~PartitionAskerTest() override {
    shard_->Stop();
    writer_.reset();
  }

  absl::StatusOr<PartitionResponse> Ask(const PartitionRequest& request) {
    Awaited<PartitionResponse> answer;
    asker_.Ask(request, answer.callback());
    return answer.Get();
  }

  storage::MemoryLogStore store_;
  ManualClock clock_{1};
  std::unique_ptr<storage::LogWriter> writer_;
  std::unique_ptr<Shard> shard_;
  PartitionRouter router_;
  PreparedPeers peers_;
  PartitionAsker asker_{&router_, [this] { return &peers_; }};
};

TEST_F(PartitionAskerTest, AsksTheNodeThatIsToLead) {
  peers_.answers.push_back(EndAt(41));
  const absl::StatusOr<PartitionResponse> answer = Ask(End());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->end_offset(), 41u);
  ASSERT_EQ(peers_.asked.size(), 1u);
  EXPECT_EQ(peers_.asked[0].node, NodeId(2));
  EXPECT_EQ(peers_.asked[0].request.group_id(), kElsewhere.value());
  EXPECT_EQ(peers_.asked[0].request.partition(), 3u);
}

TEST_F(PartitionAskerTest, FollowsWhereItIsSent) {
  peers_.answers.push_back(LedBy(5));
  peers_.answers.push_back(LedBy(3));
  peers_.answers.push_back(EndAt(41));
  ASSERT_TRUE(Ask(Fence()).ok());
  ASSERT_EQ(peers_.asked.size(), 3u);
  EXPECT_EQ(peers_.asked[1].node, NodeId(5));
  EXPECT_EQ(peers_.asked[2].node, NodeId(3));
}

TEST_F(PartitionAskerTest, GivesUpWhenItIsSentAround) {
  for (int i = 0; i < 5; ++i) peers_.answers.push_back(LedBy(2 + i % 2));
  const absl::Status refused = Ask(Fence()).status();
  EXPECT_EQ(ReasonOf(refused), "NOT_LEADER");
  // Nobody shall be sent there with what this was a part of.
  EXPECT_FALSE(LeaderNodeOf(refused).has_value());
  EXPECT_EQ(peers_.asked.size(), 3u);
}

TEST_F(PartitionAskerTest, ALostAnswerToAFenceIsUnknown) {
  peers_.answers.push_back(absl::UnavailableError("the connection broke"));
  EXPECT_EQ(ReasonOf(Ask(Fence()).status()), "OUTCOME_UNKNOWN");
  peers_.answers.push_back(absl::DeadlineExceededError("too late"));
  EXPECT_EQ(ReasonOf(Ask(Fence()).status()), "OUTCOME_UNKNOWN");
  peers_.answers.push_back(PartitionResponse());
  EXPECT_EQ(ReasonOf(Ask(Fence()).status()), "OUTCOME_UNKNOWN");
}

TEST_F(PartitionAskerTest, ALostAnswerToAQuestionIsDefinite) {
  peers_.answers.push_back(absl::UnavailableError("the connection broke"));
  const absl::Status lost = Ask(End()).status();
  EXPECT_EQ(ReasonOf(lost), "NOT_LEADER");
  EXPECT_FALSE(LeaderNodeOf(lost).has_value());
  EXPECT_EQ(ErrorInfoOf(lost).metadata().at("outcome"), "definite");
}

TEST_F(PartitionAskerTest, AFenceThatWasNotRunIsDefinite) {
  peers_.answers.push_back(absl::FailedPreconditionError("another cluster"));
  EXPECT_EQ(ReasonOf(Ask(Fence()).status()), "NOT_LEADER");
}

TEST_F(PartitionAskerTest, ARefusalIsPassedOn) {
  PartitionResponse refused;
  *refused.mutable_error() = ToStatusMessage(MakeError(
      v1::ERROR_REASON_PRODUCER_FENCED, "a higher epoch", {{"epoch", "7"}}));
  peers_.answers.push_back(refused);
  const absl::Status status = Ask(Fence()).status();
  EXPECT_EQ(ReasonOf(status), "PRODUCER_FENCED");
  EXPECT_EQ(ErrorInfoOf(status).metadata().at("epoch"), "7");
}

TEST_F(PartitionAskerTest, WithoutOtherNodesNobodyIsAsked) {
  PartitionAsker alone(&router_, [] { return nullptr; });
  Awaited<PartitionResponse> answer;
  alone.Ask(End(), answer.callback());
  EXPECT_EQ(ReasonOf(answer.Get().status()), "NOT_LEADER");
}

TEST_F(PartitionAskerTest, AGroupThatIsNowhereIsNotFound) {
  PartitionRequest request = End();
  request.set_group_id(8);
  EXPECT_EQ(ReasonOf(Ask(request).status()), "TOPIC_NOT_FOUND");
}

TEST_F(PartitionAskerTest, AnIllegalRequestIsRefused) {
  PartitionRequest nothing = End();
  nothing.clear_ask();
  PartitionRequest nobody = Fence();
  nobody.mutable_fence()->set_producer_id("short");
  for (const PartitionRequest& request : {nothing, nobody}) {
    Awaited<PartitionResponse> answer;
    AnswerPartitionRequest(router_, request, answer.callback());
    EXPECT_EQ(answer.Get().status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace kappa::server
