#include "server/rpc/append_stream.h"

#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/server/rpc/fake_node.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

using Stream =
    grpc::ClientReaderWriter<v1::AppendStreamRequest, v1::AppendStreamResponse>;

class AppendStreamTest : public RpcFixture {
 protected:
  static v1::AppendStreamRequest Request(uint64_t correlation_id,
                                         const std::string& topic,
                                         uint32_t partition) {
    v1::AppendStreamRequest request;
    request.set_correlation_id(correlation_id);
    *request.mutable_append() =
        MakeAppend(topic, 1, std::to_string(correlation_id) + ":");
    request.mutable_append()->set_partition(partition);
    return request;
  }

  uint64_t EndOffset(const std::string& topic, uint32_t partition) {
    v1::GetOffsetsRequest request;
    request.set_topic(topic);
    request.set_partition(partition);
    v1::GetOffsetsResponse response;
    Call call;
    EXPECT_TRUE(log_->GetOffsets(&call.context, request, &response).ok());
    return response.end_offset();
  }
};

// What a stream answered, read until it ended.
std::vector<v1::AppendStreamResponse> ReadToEnd(Stream* stream) {
  std::vector<v1::AppendStreamResponse> answers;
  v1::AppendStreamResponse answer;
  while (stream->Read(&answer)) answers.push_back(answer);
  return answers;
}

v1::ErrorInfo InfoOf(const v1::AppendStreamResponse& answer) {
  v1::ErrorInfo info;
  EXPECT_EQ(answer.error().details_size(), 1);
  info.ParseFromString(answer.error().details(0).value());
  return info;
}

TEST_F(AppendStreamTest, AnswersInOrderPerPartitionAndEndsAfterTheLast) {
  constexpr uint32_t kPartitions = 3;
  constexpr uint64_t kRequests = 3000;
  CreateTopic("orders", kPartitions);
  Call call;
  auto stream = log_->AppendStream(&call.context);
  auto reading =
      std::async(std::launch::async, [&] { return ReadToEnd(stream.get()); });
  for (uint64_t id = 0; id < kRequests; ++id) {
    ASSERT_TRUE(stream->Write(
        Request(id, "orders", static_cast<uint32_t>(id % kPartitions))));
  }
  stream->WritesDone();
  const std::vector<v1::AppendStreamResponse> answers = reading.get();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), kRequests);
  std::map<uint64_t, uint64_t> next_offset;
  std::map<uint64_t, uint64_t> next_id;
  for (const v1::AppendStreamResponse& answer : answers) {
    ASSERT_TRUE(answer.has_ack()) << answer.DebugString();
    const uint64_t partition = answer.correlation_id() % kPartitions;
    EXPECT_EQ(answer.ack().base_offset(), next_offset[partition]++);
    EXPECT_EQ(answer.correlation_id(),
              partition + kPartitions * next_id[partition]++);
  }
}

TEST_F(AppendStreamTest, AnErrorOfOneBatchDoesNotEndTheStream) {
  CreateTopic("orders");
  Call call;
  auto stream = log_->AppendStream(&call.context);
  v1::AppendStreamRequest malformed = Request(2, "orders", 0);
  malformed.mutable_append()->clear_batch();
  v1::AppendStreamRequest mismatch = Request(3, "orders", 0);
  mismatch.mutable_append()->mutable_batch()->set_payload_crc32c(5);
  ASSERT_TRUE(stream->Write(Request(1, "orders", 0)));
  ASSERT_TRUE(stream->Write(malformed));
  ASSERT_TRUE(stream->Write(mismatch));
  ASSERT_TRUE(stream->Write(Request(4, "nope", 0)));
  ASSERT_TRUE(stream->Write(Request(5, "orders", 9)));
  ASSERT_TRUE(stream->Write(Request(6, "orders", 0)));
  stream->WritesDone();
  std::map<uint64_t, v1::AppendStreamResponse> by_id;
  std::vector<uint64_t> order;  // of the one partition
  for (const auto& answer : ReadToEnd(stream.get())) {
    by_id[answer.correlation_id()] = answer;
    if (answer.correlation_id() % 3 != 2 && answer.correlation_id() != 4) {
      order.push_back(answer.correlation_id());
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(by_id.size(), 6u);
  EXPECT_EQ(by_id[1].ack().base_offset(), 0u);
  EXPECT_EQ(InfoOf(by_id[2]).reason(), "MALFORMED_REQUEST");
  EXPECT_EQ(by_id[2].error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(InfoOf(by_id[3]).reason(), "CHECKSUM_MISMATCH");
  EXPECT_EQ(InfoOf(by_id[4]).reason(), "TOPIC_NOT_FOUND");
  EXPECT_EQ(InfoOf(by_id[5]).reason(), "PARTITION_NOT_FOUND");
  EXPECT_EQ(by_id[6].ack().base_offset(), 1u);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 3, 6}));
}

// A client that sends far more than the window without reading answers is held
// back, and gets every answer once it reads.
TEST_F(AppendStreamTest, AClientThatDoesNotReadIsHeldBack) {
  CreateTopic("orders");
  constexpr uint64_t kRequests = 6 * AppendStream::kWindowRequests;
  Call call;
  auto stream = log_->AppendStream(&call.context);
  std::thread writing([&] {
    for (uint64_t id = 0; id < kRequests; ++id) {
      if (!stream->Write(Request(id, "orders", 0))) break;
    }
    stream->WritesDone();
  });
  // Some are appended although nobody reads.
  while (EndOffset("orders", 0) < AppendStream::kWindowRequests / 2) {
    std::this_thread::yield();
  }
  const std::vector<v1::AppendStreamResponse> answers = ReadToEnd(stream.get());
  writing.join();
  EXPECT_EQ(answers.size(), kRequests);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(EndOffset("orders", 0), kRequests);
}

TEST_F(AppendStreamTest, ADamagedFrameEndsTheStreamAfterWhatIsOwed) {
  CreateTopic("orders");
  // A request whose first field is a second correlation id: a generated stub
  // cannot make it, so it is put into the unknown fields.
  v1::AppendStreamRequest twice = Request(7, "orders", 0);
  twice.GetReflection()->MutableUnknownFields(&twice)->AddVarint(1, 8);
  Call call;
  auto stream = log_->AppendStream(&call.context);
  ASSERT_TRUE(stream->Write(Request(1, "orders", 0)));
  ASSERT_TRUE(stream->Write(twice));
  const auto answers = ReadToEnd(stream.get());
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].has_ack());
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST");
}

TEST_F(AppendStreamTest, CancellingLeavesTheServerWell) {
  CreateTopic("orders");
  for (int round = 0; round < 20; ++round) {
    Call call;
    auto stream = log_->AppendStream(&call.context);
    for (uint64_t id = 0; id < 50; ++id) {
      ASSERT_TRUE(stream->Write(Request(id, "orders", 0)));
    }
    call.context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  Append("orders", 1);
}

TEST_F(AppendStreamTest, ShutdownAnswersWhatWasAcceptedThenUnavailable) {
  CreateTopic("orders");
  Call call;
  auto stream = log_->AppendStream(&call.context);
  ASSERT_TRUE(stream->Write(Request(1, "orders", 0)));
  v1::AppendStreamResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_TRUE(answer.has_ack());
  auto stopping = std::async(std::launch::async, [&] { StopServer(); });
  EXPECT_FALSE(stream->Read(&answer));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  stopping.get();
}

TEST_F(AppendStreamTest, ABatchThatAnotherNodeLeadsIsRefusedAlone) {
  FakeNode node;
  auto server = GrpcServer::Start({.listen = {"127.0.0.1", 0}}, &node, &clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  auto log = v1::LogService::NewStub(grpc::CreateChannel(
      (*server)->address().ToString(), grpc::InsecureChannelCredentials()));
  Call call;
  auto stream = log->AppendStream(&call.context);
  v1::AppendStreamResponse answer;
  for (const uint64_t leader : {0, 2, 0}) {
    if (leader == 0) node.SetRefusal(absl::OkStatus());
    if (leader > 0) node.FollowNode(leader);
    ASSERT_TRUE(stream->Write(Request(10 + leader, "orders", 0)));
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_EQ(answer.correlation_id(), 10 + leader);
    EXPECT_EQ(answer.has_ack(), leader == 0);
    if (leader == 0) continue;
    EXPECT_EQ(answer.error().code(), grpc::StatusCode::UNAVAILABLE);
    const v1::ErrorInfo info = InfoOf(answer);
    EXPECT_EQ(info.reason(), "NOT_LEADER");
    EXPECT_EQ(info.metadata().at("leader_node"), "2");
    EXPECT_EQ(info.metadata().at("leader"), "127.0.0.1:2");
    EXPECT_EQ(info.metadata().at("outcome"), "definite");
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace kappa::server
