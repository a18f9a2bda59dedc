#include "server/rpc/log_service.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

class LogServiceTest : public RpcFixture {
 protected:
  grpc::Status Read(const v1::ReadRequest& request,
                    v1::ReadResponse* response) {
    Call call;
    return log_->Read(&call.context, request, response);
  }

  // All values of a partition, by Read calls that go on where one ended.
  std::vector<std::string> ReadAll(const std::string& topic,
                                   v1::ReadOptions options = {}) {
    std::vector<std::string> values;
    v1::ReadRequest request;
    request.set_topic(topic);
    *request.mutable_options() = options;
    while (true) {
      v1::ReadResponse response;
      const grpc::Status status = Read(request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) return values;
      for (const v1::DeliveredBatch& batch : response.batches()) {
        for (const v1::Record& record : batch.records().records()) {
          values.push_back(record.value());
        }
      }
      if (response.next_offset() >= response.end_offset()) return values;
      request.mutable_options()->mutable_start()->set_offset(
          response.next_offset());
    }
  }
};

TEST_F(LogServiceTest, AppendsAndReadsBack) {
  const v1::Topic topic = CreateTopic("orders");
  const v1::AppendResponse first = Append("orders", 3, "a");
  const v1::AppendResponse second = Append("orders", 2, "b");
  EXPECT_EQ(first.base_offset(), 0u);
  EXPECT_EQ(first.next_offset(), 3u);
  EXPECT_EQ(first.topic_uuid(), topic.uuid());
  EXPECT_EQ(first.chain_digest().size(), 32u);
  EXPECT_FALSE(first.duplicate());
  EXPECT_EQ(second.base_offset(), 3u);
  EXPECT_GE(second.append_time_us(), first.append_time_us());
  EXPECT_EQ(ReadAll("orders"),
            (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1"}));
}

TEST_F(LogServiceTest, SurvivesARestart) {
  CreateTopic("orders");
  Append("orders", 3, "a");
  StopServer();
  StartServer();
  EXPECT_EQ(ReadAll("orders"), (std::vector<std::string>{"a0", "a1", "a2"}));
  EXPECT_EQ(Append("orders", 1).base_offset(), 3u);
}

TEST_F(LogServiceTest, RefusalsCarryReasonAndFacts) {
  const v1::Topic topic = CreateTopic("orders", 2);
  const auto append = [this](const v1::AppendRequest& request) {
    Call call;
    v1::AppendResponse response;
    return log_->Append(&call.context, request, &response);
  };
  v1::AppendRequest request = MakeAppend("nope", 1);
  grpc::Status status = append(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "TOPIC_NOT_FOUND");
  EXPECT_EQ(FactOf(status, "topic"), "nope");
  EXPECT_EQ(FactOf(status, "outcome"), "definite");

  request = MakeAppend("orders", 1);
  request.set_partition(2);
  status = append(request);
  EXPECT_EQ(ReasonOf(status), "PARTITION_NOT_FOUND");
  EXPECT_EQ(FactOf(status, "partitions"), "2");

  request.set_partition(0);
  request.set_topic_uuid(std::string(16, 'x'));
  status = append(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(status), "TOPIC_UUID_MISMATCH");
  request.set_topic_uuid(topic.uuid());
  EXPECT_TRUE(append(request).ok());

  request.set_expected_offset(7);
  status = append(request);
  EXPECT_EQ(ReasonOf(status), "EXPECTED_OFFSET_MISMATCH");
  EXPECT_EQ(FactOf(status, "end_offset"), "1");
  request.set_expected_offset(1);
  EXPECT_TRUE(append(request).ok());

  request.mutable_batch()->set_payload_crc32c(1);
  EXPECT_EQ(ReasonOf(append(request)), "CHECKSUM_MISMATCH");
  request.clear_batch();
  EXPECT_EQ(ReasonOf(append(request)), "MALFORMED_REQUEST");
  // Nothing of that changed the partition.
  EXPECT_EQ(ReadAll("orders").size(), 2u);
}

// Bytes that are no message at all, to every unary method.
TEST_F(LogServiceTest, CountsAppendsThatItRefuses) {
  CreateTopic("orders");
  v1::AppendRequest damaged = MakeAppend("orders", 1);
  damaged.mutable_batch()->set_payload_crc32c(1);
  for (const v1::AppendRequest& request : {MakeAppend("nope", 1), damaged}) {
    Call call;
    v1::AppendResponse response;
    EXPECT_FALSE(log_->Append(&call.context, request, &response).ok());
  }
  const RpcStats& stats = server_->stats();
  EXPECT_EQ(stats.append_refusals[v1::ERROR_REASON_TOPIC_NOT_FOUND], 1u);
  EXPECT_EQ(stats.append_refusals[v1::ERROR_REASON_CHECKSUM_MISMATCH], 1u);
}

TEST_F(LogServiceTest, MalformedBytesAreInvalidArguments) {
  grpc::GenericStub stub(channel_);
  for (const char* method :
       {"LogService/Append", "LogService/Read", "LogService/GetOffsets",
        "LogService/OpenProducer", "LogService/GetProducer",
        "TopicService/CreateTopic", "TopicService/GetTopic",
        "TopicService/ListTopics", "TopicService/UpdateTopic",
        "TopicService/DeleteTopic", "TopicService/AddPartitions"}) {
    Call call;
    grpc::Slice slice("\xff\xff\xff", 3);
    grpc::ByteBuffer request(&slice, 1);
    grpc::CompletionQueue queue;
    auto reader = stub.PrepareUnaryCall(
        &call.context, std::string("/kappa.v1.") + method, request, &queue);
    reader->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    reader->Finish(&response, &status, nullptr);
    void* tag;
    bool ok;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << method << ": " << status.error_message();
    EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST") << method;
  }
}

TEST_F(LogServiceTest, GetOffsetsTellsWhereAPartitionStands) {
  CreateTopic("orders");
  const v1::AppendResponse first = Append("orders", 3);
  const v1::AppendResponse second = Append("orders", 2);
  v1::GetOffsetsRequest request;
  request.set_topic("orders");
  request.set_append_time_us(second.append_time_us() + 1);
  v1::GetOffsetsResponse response;
  Call call;
  ASSERT_TRUE(log_->GetOffsets(&call.context, request, &response).ok());
  EXPECT_EQ(response.first_offset(), 0u);
  EXPECT_EQ(response.end_offset(), 5u);
  EXPECT_EQ(response.chain_digest(), second.chain_digest());
  EXPECT_EQ(response.last_append_time_us(), second.append_time_us());
  EXPECT_EQ(response.offset_at_time(), 5u);
  request.set_append_time_us(first.append_time_us());
  Call again;
  ASSERT_TRUE(log_->GetOffsets(&again.context, request, &response).ok());
  EXPECT_EQ(response.offset_at_time(), 0u);
  request.set_append_time_us(-1);
  Call negative;
  EXPECT_EQ(ReasonOf(log_->GetOffsets(&negative.context, request, &response)),
            "MALFORMED_REQUEST");
}

TEST_F(LogServiceTest, ReadHonoursItsOptions) {
  CreateTopic("orders");
  Append("orders", 3, "a");
  Append("orders", 3, "b");
  Append("orders", 3, "c");
  v1::ReadRequest request;
  request.set_topic("orders");
  request.mutable_options()->mutable_start()->set_offset(1);
  request.mutable_options()->set_records_max(4);
  v1::ReadResponse response;
  ASSERT_TRUE(Read(request, &response).ok());
  EXPECT_EQ(response.next_offset(), 5u);
  EXPECT_EQ(response.end_offset(), 9u);
  ASSERT_EQ(response.batches_size(), 2);
  EXPECT_EQ(response.batches(0).base_offset(), 1u);
  EXPECT_TRUE(response.batches(0).reencoded());
  EXPECT_EQ(response.batches(1).record_count(), 2u);

  request.mutable_options()->Clear();
  request.mutable_options()->set_backwards(true);
  request.mutable_options()->set_records_max(4);
  ASSERT_TRUE(Read(request, &response).ok());
  ASSERT_EQ(response.batches_size(), 2);
  EXPECT_EQ(response.batches(0).base_offset(), 6u);
  EXPECT_EQ(response.batches(1).base_offset(), 5u);
  EXPECT_EQ(response.next_offset(), 5u);

  request.mutable_options()->Clear();
  request.mutable_options()->mutable_start()->set_offset(9);
  ASSERT_TRUE(Read(request, &response).ok());
  EXPECT_EQ(response.batches_size(), 0);
  request.mutable_options()->mutable_start()->set_offset(10);
  const grpc::Status beyond = Read(request, &response);
  EXPECT_EQ(beyond.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(beyond), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(FactOf(beyond, "end_offset"), "9");
}

// Many batches of nearly the largest size: every answer fits a stub that was
// not configured, and nothing is lost between answers.
TEST_F(LogServiceTest, LargestAnswersFitAnUnconfiguredStub) {
  CreateTopic("big");
  constexpr int kBatches = 5;
  for (int i = 0; i < kBatches; ++i) {
    v1::AppendRequest request;
    request.set_topic("big");
    request.mutable_batch()->mutable_records()->add_records()->set_value(
        std::string((3 << 20) - 20, static_cast<char>('a' + i)));
    Call call;
    v1::AppendResponse response;
    ASSERT_TRUE(log_->Append(&call.context, request, &response).ok());
  }
  const std::vector<std::string> values = ReadAll("big");
  ASSERT_EQ(values.size(), static_cast<size_t>(kBatches));
  for (int i = 0; i < kBatches; ++i) {
    EXPECT_EQ(values[i][0], static_cast<char>('a' + i));
  }
}

TEST_F(LogServiceTest, ProducersAreExact) {
  CreateTopic("orders");
  v1::OpenProducerRequest open;
  open.set_name("loader");
  open.set_topic("orders");
  open.add_partitions(0);
  v1::OpenProducerResponse opened;
  Call call;
  ASSERT_TRUE(log_->OpenProducer(&call.context, open, &opened).ok());
  EXPECT_EQ(opened.epoch(), 1u);
  v1::AppendRequest request = MakeAppend("orders", 2);
  request.mutable_producer()->set_id(opened.producer_id());
  request.mutable_producer()->set_epoch(1);
  request.mutable_producer()->set_sequence(1);
  request.mutable_producer()->set_state("here");
  for (bool duplicate : {false, true}) {
    Call again;
    v1::AppendResponse response;
    ASSERT_TRUE(log_->Append(&again.context, request, &response).ok());
    EXPECT_EQ(response.duplicate(), duplicate);
    EXPECT_EQ(response.base_offset(), 0u);
  }
  v1::GetProducerRequest get;
  get.set_name("loader");
  get.set_topic("orders");
  get.add_partitions(0);
  v1::GetProducerResponse found;
  Call get_call;
  ASSERT_TRUE(log_->GetProducer(&get_call.context, get, &found).ok());
  ASSERT_EQ(found.positions_size(), 1);
  EXPECT_EQ(found.positions(0).last_sequence(), 1u);
  EXPECT_EQ(found.positions(0).state(), "here");
}

}  // namespace
}  // namespace kappa::server
