#include "client/cpp/append_request.h"

#include <memory>
#include <string>

#include "grpcpp/impl/codegen/proto_utils.h"
#include "gtest/gtest.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/record_set.h"

namespace kappa::client {
namespace {

std::shared_ptr<SealedBatch> MakeBatch() {
  auto batch = std::make_shared<SealedBatch>();
  RecordSetEncoder encoder;
  encoder.Add({.key = "k", .value = "v"});
  encoder.Add({.value = "w"});
  batch->record_count = encoder.record_count();
  batch->payload = encoder.Take();
  batch->payload_crc32c = 0xdeadbeef;
  return batch;
}

v1::AppendStreamRequest Parse(grpc::ByteBuffer buffer) {
  v1::AppendStreamRequest request;
  EXPECT_TRUE(
      (grpc::GenericDeserialize<grpc::ProtoBufferReader,
                                v1::AppendStreamRequest>(&buffer, &request)
           .ok()));
  return request;
}

TEST(AppendRequestTest, IsWhatAProtobufParserExpects) {
  std::shared_ptr<SealedBatch> batch = MakeBatch();
  batch->expected_offset = 0;
  batch->state = "lsn 7";
  AppendEnvelope envelope;
  envelope.correlation_id = 1ull << 63;
  envelope.topic = "orders";
  envelope.topic_uuid = std::string(16, 'u');
  envelope.partition = 9;
  envelope.producer_id = std::string(16, 'p');
  envelope.epoch = 3;
  envelope.sequence = 12;
  envelope.previous_sequence = 10;
  envelope.session_start_offset = 99;
  const v1::AppendStreamRequest request =
      Parse(EncodeAppendRequest(envelope, batch));
  EXPECT_EQ(request.correlation_id(), 1ull << 63);
  const v1::AppendRequest& append = request.append();
  EXPECT_EQ(append.topic(), "orders");
  EXPECT_EQ(append.topic_uuid(), std::string(16, 'u'));
  EXPECT_EQ(append.partition(), 9u);
  EXPECT_EQ(append.producer().id(), std::string(16, 'p'));
  EXPECT_EQ(append.producer().epoch(), 3u);
  EXPECT_EQ(append.producer().sequence(), 12u);
  EXPECT_EQ(append.producer().previous_sequence(), 10u);
  EXPECT_EQ(append.producer().state(), "lsn 7");
  EXPECT_EQ(append.producer().session_start_offset(), 99u);
  EXPECT_TRUE(append.has_expected_offset());
  EXPECT_EQ(append.expected_offset(), 0u);
  EXPECT_EQ(append.batch().record_count(), 2u);
  EXPECT_EQ(append.batch().payload_crc32c(), 0xdeadbeef);
  ASSERT_TRUE(append.batch().has_records());
  ASSERT_EQ(append.batch().records().records_size(), 2);
  EXPECT_EQ(append.batch().records().records(0).key(), "k");
  EXPECT_EQ(append.batch().records().records(1).value(), "w");
  EXPECT_FALSE(append.batch().records().records(1).has_key());
}

TEST(AppendRequestTest, LeavesOutWhatIsNotThere) {
  AppendEnvelope envelope;
  envelope.topic = "t";
  const v1::AppendStreamRequest request =
      Parse(EncodeAppendRequest(envelope, MakeBatch()));
  EXPECT_FALSE(request.append().has_producer());
  EXPECT_FALSE(request.append().has_expected_offset());
  EXPECT_TRUE(request.append().topic_uuid().empty());
}

TEST(AppendRequestTest, TheDefaultPredecessorIsNotNamed) {
  AppendEnvelope envelope;
  envelope.topic = "t";
  envelope.producer_id = std::string(16, 'p');
  envelope.sequence = 1;
  const v1::AppendStreamRequest request =
      Parse(EncodeAppendRequest(envelope, MakeBatch()));
  EXPECT_FALSE(request.append().producer().has_previous_sequence());
}

TEST(AppendRequestTest, ACompressedPayloadGoesAsBytes) {
  std::shared_ptr<SealedBatch> batch = MakeBatch();
  batch->codec = Codec::kZstd;
  AppendEnvelope envelope;
  envelope.topic = "t";
  const v1::AppendStreamRequest request =
      Parse(EncodeAppendRequest(envelope, batch));
  EXPECT_EQ(request.append().batch().compressed_records(), batch->payload);
  EXPECT_EQ(request.append().batch().compression(), v1::COMPRESSION_ZSTD);
}

TEST(AppendRequestTest, TheMessageKeepsTheBatchWithoutACopy) {
  std::shared_ptr<SealedBatch> batch = MakeBatch();
  const char* const payload = batch->payload.data();
  std::weak_ptr<SealedBatch> observer = batch;
  AppendEnvelope envelope;
  envelope.topic = "t";
  grpc::ByteBuffer message = EncodeAppendRequest(envelope, std::move(batch));
  EXPECT_FALSE(observer.expired());
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(message.Dump(&slices).ok());
  EXPECT_EQ(reinterpret_cast<const char*>(slices.back().begin()), payload);
  slices.clear();
  message.Clear();
  EXPECT_TRUE(observer.expired());
}

}  // namespace
}  // namespace kappa::client
