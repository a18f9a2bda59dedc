#include "server/rpc/replay_stream.h"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "server/errors.h"
#include "tests/server/rpc/fake_node.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

class ReplayStreamTest : public RpcFixture {
 protected:
  // A replay under way.
  struct Running {
    Call call;
    std::unique_ptr<grpc::ClientReader<v1::ReplayResponse>> reader;

    // The next message; fails the test at the end of the stream.
    v1::ReplayResponse Next() {
      v1::ReplayResponse response;
      EXPECT_TRUE(reader->Read(&response));
      return response;
    }
  };

  std::unique_ptr<Running> Start(const v1::ReplayRequest& request) {
    auto running = std::make_unique<Running>();
    running->reader = log_->Replay(&running->call.context, request);
    return running;
  }

  static v1::ReplayRequest Request(const std::string& topic) {
    v1::ReplayRequest request;
    request.set_topic(topic);
    return request;
  }
};

std::vector<std::string> ValuesOf(const v1::ReplayResponse& response) {
  std::vector<std::string> values;
  for (const v1::DeliveredBatch& batch : response.batches()) {
    for (const v1::Record& record : batch.records().records()) {
      values.push_back(record.value());
    }
  }
  return values;
}

TEST_F(ReplayStreamTest, EndsAtTheStop) {
  const v1::Topic topic = CreateTopic("orders");
  Append("orders", 3, "a");
  Append("orders", 3, "b");
  v1::ReplayRequest request = Request("orders");
  request.mutable_options()->mutable_start()->set_offset(1);
  request.mutable_options()->mutable_stop()->set_offset(5);
  auto replay = Start(request);
  std::vector<std::string> values;
  v1::ReplayResponse response;
  uint64_t next_offset = 0;
  bool first = true;
  while (replay->reader->Read(&response)) {
    EXPECT_EQ(response.topic_uuid(), first ? topic.uuid() : "");
    first = false;
    for (const std::string& value : ValuesOf(response)) {
      values.push_back(value);
    }
    next_offset = response.next_offset();
  }
  EXPECT_TRUE(replay->reader->Finish().ok());
  EXPECT_EQ(values, (std::vector<std::string>{"a1", "a2", "b0", "b1"}));
  EXPECT_EQ(next_offset, 5u);
}

TEST_F(ReplayStreamTest, FollowsTheTailAndSaysWhenItCaughtUp) {
  CreateTopic("orders");
  Append("orders", 2, "a");
  auto replay = Start(Request("orders"));
  v1::ReplayResponse response = replay->Next();
  EXPECT_EQ(ValuesOf(response), (std::vector<std::string>{"a0", "a1"}));
  EXPECT_EQ(response.progress(), v1::REPLAY_PROGRESS_CAUGHT_UP);
  EXPECT_EQ(response.next_offset(), 2u);
  EXPECT_EQ(response.end_offset(), 2u);
  for (int i = 0; i < 20; ++i) {
    Append("orders", 1, "t");
    response = replay->Next();
    EXPECT_EQ(ValuesOf(response), (std::vector<std::string>{"t0"}));
    EXPECT_EQ(response.next_offset(), 3u + static_cast<uint64_t>(i));
  }
  replay->call.context.TryCancel();
  EXPECT_EQ(replay->reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ReplayStreamTest, StartsAtTheEnd) {
  CreateTopic("orders");
  Append("orders", 2, "old");
  v1::ReplayRequest request = Request("orders");
  request.mutable_options()->mutable_start()->set_end(true);
  auto replay = Start(request);
  v1::ReplayResponse response = replay->Next();
  EXPECT_EQ(response.batches_size(), 0);
  EXPECT_EQ(response.progress(), v1::REPLAY_PROGRESS_CAUGHT_UP);
  EXPECT_EQ(response.next_offset(), 2u);
  Append("orders", 1, "new");
  EXPECT_EQ(ValuesOf(replay->Next()), (std::vector<std::string>{"new0"}));
  replay->call.context.TryCancel();
}

TEST_F(ReplayStreamTest, HeartbeatsWhenIdle) {
  CreateTopic("orders");
  Append("orders", 1);
  v1::ReplayRequest request = Request("orders");
  request.set_heartbeat_ms(100);
  auto replay = Start(request);
  EXPECT_FALSE(replay->Next().heartbeat());
  for (int i = 0; i < 3; ++i) {
    const v1::ReplayResponse response = replay->Next();
    EXPECT_TRUE(response.heartbeat());
    EXPECT_EQ(response.next_offset(), 1u);
    EXPECT_EQ(response.end_offset(), 1u);
    EXPECT_EQ(response.batches_size(), 0);
  }
  replay->call.context.TryCancel();
}

TEST_F(ReplayStreamTest, RefusesWhatItCannotDo) {
  CreateTopic("orders");
  Append("orders", 1);
  const auto reason = [this](const v1::ReplayRequest& request) {
    auto replay = Start(request);
    v1::ReplayResponse response;
    EXPECT_FALSE(replay->reader->Read(&response));
    return ReasonOf(replay->reader->Finish());
  };
  EXPECT_EQ(reason(Request("nope")), "TOPIC_NOT_FOUND");
  v1::ReplayRequest request = Request("orders");
  request.set_partition(1);
  EXPECT_EQ(reason(request), "PARTITION_NOT_FOUND");
  request = Request("orders");
  request.set_heartbeat_ms(99);
  EXPECT_EQ(reason(request), "LIMIT_EXCEEDED");
  request.set_heartbeat_ms(60'001);
  EXPECT_EQ(reason(request), "LIMIT_EXCEEDED");
  request = Request("orders");
  request.mutable_options()->mutable_start();
  EXPECT_EQ(reason(request), "MALFORMED_REQUEST");
  request.mutable_options()->mutable_start()->set_offset(2);
  EXPECT_EQ(reason(request), "OFFSET_OUT_OF_RANGE");
  request.mutable_options()->set_consistency(v1::CONSISTENCY_COMMITTED);
  EXPECT_EQ(reason(request), "OFFSET_OUT_OF_RANGE");
}

TEST_F(ReplayStreamTest, BackwardsNewestBatchFirst) {
  CreateTopic("orders");
  Append("orders", 2, "a");
  Append("orders", 2, "b");
  Append("orders", 2, "c");
  v1::ReplayRequest request = Request("orders");
  request.mutable_options()->set_backwards(true);
  request.mutable_options()->mutable_stop()->set_offset(1);
  auto replay = Start(request);
  std::vector<std::string> values;
  v1::ReplayResponse response;
  while (replay->reader->Read(&response)) {
    for (const std::string& value : ValuesOf(response)) {
      values.push_back(value);
    }
  }
  EXPECT_TRUE(replay->reader->Finish().ok());
  EXPECT_EQ(values, (std::vector<std::string>{"c0", "c1", "b0", "b1", "a1"}));
  EXPECT_EQ(response.next_offset(), 1u);
}

TEST_F(ReplayStreamTest, StopsBeforeATime) {
  CreateTopic("orders");
  const v1::AppendResponse first = Append("orders", 2, "a");
  v1::AppendResponse second = Append("orders", 2, "b");
  while (second.append_time_us() == first.append_time_us()) {
    second = Append("orders", 2, "b");
  }
  v1::ReplayRequest request = Request("orders");
  request.mutable_options()->mutable_stop()->set_append_time_us(
      first.append_time_us() + 1);
  auto replay = Start(request);
  std::vector<std::string> values;
  v1::ReplayResponse response;
  while (replay->reader->Read(&response)) {
    for (const std::string& value : ValuesOf(response)) {
      values.push_back(value);
    }
  }
  EXPECT_TRUE(replay->reader->Finish().ok());
  EXPECT_EQ(values, (std::vector<std::string>{"a0", "a1"}));
}

// Nothing is appended any more, so no batch ever tells that the time is over.
TEST_F(ReplayStreamTest, EndsWhenItsStopTimeHasPassed) {
  CreateTopic("orders");
  const v1::AppendResponse first = Append("orders", 2, "a");
  v1::ReplayRequest request = Request("orders");
  request.mutable_options()->mutable_stop()->set_append_time_us(
      first.append_time_us() + 100'000);
  auto waiting = Start(request);
  EXPECT_EQ(ValuesOf(waiting->Next()), (std::vector<std::string>{"a0", "a1"}));
  v1::ReplayResponse response;
  while (waiting->reader->Read(&response)) EXPECT_TRUE(response.heartbeat());
  EXPECT_TRUE(waiting->reader->Finish().ok());
  // It is long over for one that begins now.
  auto late = Start(request);
  EXPECT_EQ(ValuesOf(late->Next()), (std::vector<std::string>{"a0", "a1"}));
  EXPECT_FALSE(late->reader->Read(&response));
  EXPECT_TRUE(late->reader->Finish().ok());
  EXPECT_EQ(Append("orders", 1, "b").base_offset(), 2u);
}

// More than a message holds, some of it from the store: nothing lost, nothing
// twice, no message above what an unconfigured stub takes.
TEST_F(ReplayStreamTest, LongReplayIsComplete) {
  CreateTopic("long");
  constexpr uint64_t kBatches = 60;
  const std::string value(200'000, 'x');
  for (uint64_t i = 0; i < kBatches; ++i) {
    v1::AppendRequest request;
    request.set_topic("long");
    for (int r = 0; r < 2; ++r) {
      request.mutable_batch()->mutable_records()->add_records()->set_value(
          std::to_string(2 * i + static_cast<uint64_t>(r)) + value);
    }
    Call call;
    v1::AppendResponse response;
    ASSERT_TRUE(log_->Append(&call.context, request, &response).ok());
  }
  v1::ReplayRequest request = Request("long");
  request.mutable_options()->mutable_stop()->set_end(true);
  auto replay = Start(request);
  uint64_t expected = 0;
  v1::ReplayResponse response;
  while (replay->reader->Read(&response)) {
    EXPECT_LT(response.ByteSizeLong(), kResponseBytesMax);
    for (const std::string& got : ValuesOf(response)) {
      ASSERT_EQ(got, std::to_string(expected) + value);
      ++expected;
    }
  }
  EXPECT_TRUE(replay->reader->Finish().ok());
  EXPECT_EQ(expected, 2 * kBatches);
}

TEST_F(ReplayStreamTest, ShutdownEndsItWithUnavailable) {
  CreateTopic("orders");
  auto replay = Start(Request("orders"));
  replay->Next();
  auto stopping = std::async(std::launch::async, [&] { StopServer(); });
  v1::ReplayResponse response;
  EXPECT_FALSE(replay->reader->Read(&response));
  const grpc::Status status = replay->reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  stopping.get();
}

TEST_F(ReplayStreamTest, CancellingManyLeavesTheServerWell) {
  CreateTopic("orders");
  for (int round = 0; round < 20; ++round) {
    auto replay = Start(Request("orders"));
    if (round % 2 == 0) replay->Next();
    replay->call.context.TryCancel();
    EXPECT_EQ(replay->reader->Finish().error_code(),
              grpc::StatusCode::CANCELLED);
  }
  Append("orders", 1);
}

TEST_F(ReplayStreamTest, AReplicaThatGoesAwayEndsItWithARetriableStatus) {
  FakeNode node;
  auto server = GrpcServer::Start({.listen = {"127.0.0.1", 0}}, &node, &clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  auto log = v1::LogService::NewStub(grpc::CreateChannel(
      (*server)->address().ToString(), grpc::InsecureChannelCredentials()));
  v1::ReplayRequest request;
  request.set_topic("orders");
  Call call;
  auto replay = log->Replay(&call.context, request);
  node.AwaitReader();
  node.EndWait(MakeError(v1::ERROR_REASON_NOT_LEADER, "moved to node 2",
                         {{"leader_node", "2"}}));
  v1::ReplayResponse response;
  while (replay->Read(&response)) {
  }
  const grpc::Status status = replay->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "NOT_LEADER");
  EXPECT_EQ(FactOf(status, "leader_node"), "2");
}

}  // namespace
}  // namespace kappa::server
