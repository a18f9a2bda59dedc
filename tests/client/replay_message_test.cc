#include "client/cpp/replay_message.h"

#include <string>

#include "gtest/gtest.h"
#include "kappa/v1/log_service.pb.h"

namespace kappa::client {
namespace {

// Cuts `bytes` into slices of `slice_bytes`, as a network does.
grpc::ByteBuffer ToBuffer(const std::string& bytes, size_t slice_bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += slice_bytes) {
    slices.emplace_back(bytes.substr(i, slice_bytes));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

v1::ReplayResponse MakeResponse() {
  v1::ReplayResponse response;
  response.set_topic_uuid(std::string(16, 'u'));
  v1::DeliveredBatch* batch = response.add_batches();
  batch->set_base_offset(1'000'000);
  batch->set_record_count(3);
  batch->set_append_time_us(1'234'567'890'123);
  batch->set_payload_crc32c(0x01020304);
  batch->mutable_records()->add_records()->set_value(std::string(500, 'x'));
  batch->set_first_record(1);
  batch->set_last_record(2);
  batch->set_payload_sha256(std::string(32, 's'));
  batch = response.add_batches();
  batch->set_compression(v1::COMPRESSION_LZ4);
  batch->set_compressed_records("lz4");
  batch->add_offset_deltas(0);
  batch->add_offset_deltas(300);
  response.set_next_offset(1'000'003);
  response.set_end_offset(2'000'000);
  response.set_progress(v1::REPLAY_PROGRESS_CAUGHT_UP);
  response.set_heartbeat(true);
  response.mutable_gap()->set_first_offset(5);
  response.mutable_gap()->set_next_offset(9);
  return response;
}

TEST(ReplayMessageTest, ReadsEveryFieldWhateverTheSlices) {
  const v1::ReplayResponse response = MakeResponse();
  for (const size_t slice_bytes : {1, 7, 64, 10'000}) {
    SCOPED_TRACE(slice_bytes);
    absl::StatusOr<ReplayMessage> message =
        ParseReplayMessage(ToBuffer(response.SerializeAsString(), slice_bytes));
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(message->topic_uuid, std::string(16, 'u'));
    ASSERT_EQ(message->batches.size(), 2u);
    const DeliveredBatchView& first = message->batches[0];
    EXPECT_EQ(first.base_offset, 1'000'000u);
    EXPECT_EQ(first.record_count, 3u);
    EXPECT_EQ(first.append_time_us, 1'234'567'890'123);
    EXPECT_EQ(first.codec, Codec::kNone);
    EXPECT_EQ(first.payload_crc32c, 0x01020304u);
    EXPECT_EQ(first.payload.ToString(),
              response.batches(0).records().SerializeAsString());
    EXPECT_EQ(first.first_record, 1u);
    EXPECT_EQ(first.last_record, 2u);
    const DeliveredBatchView& second = message->batches[1];
    EXPECT_EQ(second.codec, Codec::kLz4);
    EXPECT_EQ(second.payload.ToString(), "lz4");
    EXPECT_EQ(second.offset_deltas, (std::vector<uint32_t>{0, 300}));
    EXPECT_EQ(message->next_offset, 1'000'003u);
    EXPECT_EQ(message->end_offset, 2'000'000u);
    EXPECT_EQ(message->progress, v1::REPLAY_PROGRESS_CAUGHT_UP);
    EXPECT_TRUE(message->heartbeat);
    ASSERT_TRUE(message->gap.has_value());
    EXPECT_EQ(message->gap->next_offset(), 9u);
  }
}

TEST(ReplayMessageTest, APayloadOutlivesTheBuffer) {
  absl::StatusOr<ReplayMessage> message;
  {
    grpc::ByteBuffer buffer = ToBuffer(MakeResponse().SerializeAsString(), 100);
    message = ParseReplayMessage(buffer);
  }
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->batches[0].payload.ToString(),
            MakeResponse().batches(0).records().SerializeAsString());
}

TEST(ReplayMessageTest, RefusesCutOffMessages) {
  const std::string bytes = MakeResponse().SerializeAsString();
  size_t refused = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    v1::ReplayResponse parsed;
    const std::string cut = bytes.substr(0, length);
    absl::StatusOr<ReplayMessage> message =
        ParseReplayMessage(ToBuffer(cut, 13));
    EXPECT_EQ(message.ok(), parsed.ParseFromString(cut)) << length;
    if (!message.ok()) {
      EXPECT_EQ(message.status().code(), absl::StatusCode::kDataLoss);
      ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace kappa::client
