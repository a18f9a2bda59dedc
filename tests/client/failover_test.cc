// The client on a cluster whose leadership moves: two nodes over one log.
#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/cpp/admin.h"
#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "client/cpp/producer.h"
#include "client/cpp/replay.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"

namespace kappa::client {
namespace {

using ::kappa::tests::AppendFault;
using ::kappa::tests::FakeLog;
using ::kappa::tests::FakeRecord;
using ::kappa::tests::FakeServer;
using ::kappa::tests::MakeGrpcError;
using ::kappa::tests::MakeWireError;

constexpr absl::Duration kPatience = absl::Seconds(30);

class FailoverTest : public ::testing::Test {
 protected:
  FailoverTest() : nodes_{FakeServer(&log_), FakeServer(&log_)} {
    log_.CreateTopic("t", 3);
    for (size_t node = 0; node < nodes_.size(); ++node) {
      nodes_[node].SetAppendHook([this, node](const v1::AppendRequest& append) {
        return FaultOf(node, append);
      });
    }
    ClientOptions options;
    options.seeds = nodes_[0].address() + "," + nodes_[1].address();
    options.backoff_min = absl::Milliseconds(1);
    options.backoff_max = absl::Milliseconds(20);
    options.silence_min = absl::Milliseconds(200);
    client_ = *Client::Connect(options);
  }
  ~FailoverTest() override {
    for (FakeServer& node : nodes_) node.SetAppendHook(nullptr);
  }

  std::unique_ptr<Producer> Create(ProducerOptions options = {}) {
    options.topic = "t";
    absl::StatusOr<std::unique_ptr<Producer>> producer =
        Producer::Create(client_, std::move(options));
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }

  v1::Status NotLeader(bool leader_known) {
    std::map<std::string, std::string> facts = {{"outcome", "definite"}};
    if (leader_known) facts["leader"] = nodes_[leader_].address();
    return MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER,
                         "not here", facts);
  }

  // Refuses what the other node leads; now and then lets leadership move.
  AppendFault FaultOf(size_t node, const v1::AppendRequest&) {
    MutexLock lock(&mutex_);
    AppendFault fault;
    if (leader_ != node) {
      fault.kind = AppendFault::Kind::kRefuse;
      fault.refusal = NotLeader(/*leader_known=*/random_() % 4 != 0);
      return fault;
    }
    if (moves_left_ == 0 || random_() % 20 != 0) return fault;
    --moves_left_;
    leader_ = 1 - leader_;
    switch (random_() % 5) {
      case 0:  // the entry was not replicated
        fault.kind = AppendFault::Kind::kRefuse;
        fault.refusal = NotLeader(/*leader_known=*/true);
        break;
      case 1:  // it was, and the old leader does not know
        fault.kind = AppendFault::Kind::kRefuseAfter;
        fault.refusal =
            MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_OUTCOME_UNKNOWN,
                          "who knows", {{"outcome", "indefinite"}});
        break;
      case 2:
        fault.kind = AppendFault::Kind::kBreakBefore;
        break;
      case 3:
        fault.kind = AppendFault::Kind::kBreakAfter;
        break;
      default:  // acknowledged, the last one here
        break;
    }
    return fault;
  }

  std::vector<std::string> Values(uint32_t partition) {
    std::vector<std::string> values;
    for (const FakeRecord& record : log_.Records("t", partition)) {
      values.push_back(record.record.value());
    }
    return values;
  }

  // Appends numbers to all partitions and expects each once, in order.
  void ExpectExactlyOnce(Producer* producer, int count) {
    std::array<std::vector<std::string>, 3> sent;
    std::atomic<int> stored{0};
    for (int i = 0; i < count; ++i) {
      const uint32_t partition = i % 3;
      sent[partition].push_back(std::to_string(i));
      const Offset offset(sent[partition].size() - 1);
      ASSERT_TRUE(producer
                      ->Append({.value = sent[partition].back()}, partition,
                               [&stored, offset](const auto& result) {
                                 ASSERT_TRUE(result.ok()) << result.status();
                                 EXPECT_EQ(result->offset, offset);
                                 ++stored;
                               })
                      .ok());
    }
    const absl::Status status = producer->Flush(kPatience);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(stored, count);
    for (uint32_t partition = 0; partition < 3; ++partition) {
      EXPECT_EQ(Values(partition), sent[partition]);
    }
  }

  void MoveOften(int moves, uint32_t seed) {
    MutexLock lock(&mutex_);
    moves_left_ = moves;
    random_.seed(seed);
  }
  int moves_left() {
    MutexLock lock(&mutex_);
    return moves_left_;
  }
  void SetLeader(size_t node) {
    MutexLock lock(&mutex_);
    leader_ = node;
  }

  FakeLog log_;
  std::array<FakeServer, 2> nodes_;
  std::shared_ptr<Client> client_;
  Mutex mutex_;
  size_t leader_ = 0;
  int moves_left_ = 0;
  std::minstd_rand random_;
};

TEST_F(FailoverTest, EveryBatchOnceAndInOrderWhileLeadershipMoves) {
  MoveOften(100, 11);
  ProducerOptions options;
  options.batch_records = 3;
  std::unique_ptr<Producer> producer = Create(options);
  ExpectExactlyOnce(producer.get(), 9'000);
  EXPECT_EQ(moves_left(), 0);
}

TEST_F(FailoverTest, ANamedProducerToo) {
  MoveOften(100, 12);
  ProducerOptions options;
  options.name = "p";
  options.batch_records = 3;
  std::unique_ptr<Producer> producer = Create(options);
  ExpectExactlyOnce(producer.get(), 9'000);
  EXPECT_EQ(moves_left(), 0);
}

TEST_F(FailoverTest, GoesToTheOtherSeedWhenTheLeaderIsGone) {
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  nodes_[0].Stop();
  SetLeader(1);
  ASSERT_TRUE(producer->AppendFuture({.value = "1"}, 0).get().ok());
  EXPECT_EQ(Values(0), (std::vector<std::string>{"0", "1"}));
}

TEST_F(FailoverTest, ALeaderThatFallsSilentIsGivenUp) {
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  nodes_[0].HoldAnswers(true);
  auto result = producer->AppendFuture({.value = "1"}, 0);
  ASSERT_EQ(log_.WaitForAppend(1, absl::ToInt64Microseconds(kPatience)), 2u);
  SetLeader(1);
  // Stored by the silent node, recognised by the other one.
  const absl::StatusOr<AppendResult> stored = result.get();
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->duplicate);
  EXPECT_EQ(Values(0), (std::vector<std::string>{"0", "1"}));
  nodes_[0].HoldAnswers(false);
}

TEST_F(FailoverTest, ASlowLeaderKeepsItsAppendsInTheEnd) {
  // It answers, but only after the first silences were given up.
  std::unique_ptr<Producer> producer = Create();
  nodes_[0].HoldAnswers(true);
  auto result = producer->AppendFuture({.value = "0"}, 0);
  ASSERT_TRUE(
      nodes_[0].WaitUntil([&] { return nodes_[0].append_requests() >= 3; }));
  nodes_[0].HoldAnswers(false);
  EXPECT_TRUE(result.get().ok());
  EXPECT_EQ(Values(0), (std::vector<std::string>{"0"}));
}

TEST_F(FailoverTest, WithoutSequencesASilentNodeIsWaitedFor) {
  ProducerOptions options;
  options.exact_retries = false;
  std::unique_ptr<Producer> producer = Create(options);
  nodes_[0].HoldAnswers(true);
  auto result = producer->AppendFuture({.value = "0"}, 0);
  EXPECT_EQ(result.wait_for(std::chrono::milliseconds(600)),
            std::future_status::timeout);
  nodes_[0].HoldAnswers(false);
  EXPECT_TRUE(result.get().ok());
  EXPECT_EQ(nodes_[0].append_requests(), 1u);
}

TEST_F(FailoverTest, AConditionalAppendWithoutSequenceIsNotRepeatedInDoubt) {
  ProducerOptions options;
  options.exact_retries = false;
  std::unique_ptr<Producer> producer = Create(options);
  const RecordView record = {.value = "0"};
  // Refused for sure: goes on to the leader.
  SetLeader(1);
  EXPECT_TRUE(producer
                  ->AppendBatchAndWait(0, absl::MakeConstSpan(&record, 1),
                                       {.expected_offset = Offset(0)})
                  .ok());
  nodes_[1].SetAppendHook([](const v1::AppendRequest&) {
    AppendFault fault;
    fault.kind = AppendFault::Kind::kRefuseAfter;
    fault.refusal =
        MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_OUTCOME_UNKNOWN,
                      "who knows", {{"outcome", "indefinite"}});
    return fault;
  });
  const auto unknown = producer->AppendBatchAndWait(
      0, absl::MakeConstSpan(&record, 1), {.expected_offset = Offset(1)});
  EXPECT_EQ(ReasonOf(unknown.status()), v1::ERROR_REASON_OUTCOME_UNKNOWN);
  EXPECT_FALSE(IsDefinite(unknown.status()));
  EXPECT_EQ(Values(0).size(), 2u);
}

TEST_F(FailoverTest, AdministrativeCallsGoToAnotherSeed) {
  Admin admin(client_);
  v1::GetOffsetsRequest offsets;
  offsets.set_topic("t");
  ASSERT_TRUE(admin.GetOffsets(offsets).ok());
  nodes_[0].Stop();
  EXPECT_TRUE(admin.GetOffsets(offsets).ok());
  EXPECT_TRUE(admin.GetTopic("t").ok());
  v1::OpenProducerRequest open;
  open.set_name("p");
  open.set_topic("t");
  EXPECT_TRUE(admin.OpenProducer(open).ok());
}

TEST_F(FailoverTest, ACallThatIsNotAnsweredGoesToAnotherSeed) {
  std::promise<void> go_on;
  std::shared_future<void> held = go_on.get_future().share();
  nodes_[0].SetCallHook([held](const std::string&) {
    held.wait();
    return grpc::Status::OK;
  });
  Admin admin(client_);
  EXPECT_TRUE(admin.GetTopic("t").ok());
  go_on.set_value();
}

TEST_F(FailoverTest, FollowsALeaderOfTheMetadataWithoutTakingItForAPartitions) {
  std::atomic<int> asked{0};
  nodes_[0].SetCallHook([&](const std::string& method) {
    if (method != "OpenProducer") return grpc::Status::OK;
    ++asked;
    return MakeGrpcError(
        grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER, "no",
        {{"leader", nodes_[1].address()}, {"outcome", "definite"}});
  });
  Admin admin(client_);
  v1::OpenProducerRequest open;
  open.set_name("p");
  open.set_topic("t");
  EXPECT_TRUE(admin.OpenProducer(open).ok());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(client_->AddressOf("t", 0), nodes_[0].address());
}

TEST_F(FailoverTest, AReplayGoesOnAtAnotherReplica) {
  std::unique_ptr<Producer> producer = Create();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        producer->AppendFuture({.value = std::to_string(i)}, 0).get().ok());
  }
  ReplayOptions options;
  options.topic = "t";
  options.stop = ReplayPosition::At(Offset(101));
  std::unique_ptr<Replay> replay = *Replay::Start(client_, options);
  std::vector<std::string> values;
  for (const ReplayRecord& record : *replay) {
    values.emplace_back(*record.value);
    if (values.size() == 100) {
      nodes_[0].Stop();
      SetLeader(1);
      ASSERT_TRUE(producer->AppendFuture({.value = "100"}, 0).get().ok());
    }
  }
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_EQ(values, Values(0));
  EXPECT_EQ(values.size(), 101u);
}

}  // namespace
}  // namespace kappa::client
