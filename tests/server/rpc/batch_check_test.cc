#include "server/rpc/batch_check.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

constexpr uint32_t kBytesMax = 200'000;
constexpr uint32_t kRecordsMax = 50;

TopicSnapshot Topic() {
  TopicSnapshot topic;
  topic.batch_bytes_max = kBytesMax;
  topic.batch_records_max = kRecordsMax;
  topic.topic.set_name("orders");
  return topic;
}

std::string Records(uint32_t count, size_t value_bytes) {
  RecordSetEncoder encoder;
  const std::string value(value_bytes, 'v');
  for (uint32_t i = 0; i < count; ++i) {
    RecordView record;
    record.value = value;
    encoder.Add(record);
  }
  return encoder.Take();
}

// One record set of exactly that many bytes.
std::string RecordsOfBytes(size_t bytes) {
  std::string records = Records(1, bytes - 8);
  records = Records(1, bytes - 8 + (bytes - records.size()));
  EXPECT_EQ(records.size(), bytes);
  return records;
}

ScannedBatch Uncompressed(std::string records) {
  ScannedBatch batch;
  batch.payload = Payload::FromString(std::move(records));
  return batch;
}

ScannedBatch Compressed(Codec codec, const std::string& records) {
  ScannedBatch batch;
  batch.payload = Payload::FromString(*Compress(codec, records));
  batch.in_compressed_field = true;
  batch.compression = static_cast<uint64_t>(codec);
  return batch;
}

struct Expected {
  std::string reason;
  std::string message;  // a part of it
  std::map<std::string, std::string> facts;
};

void ExpectRefused(const ScannedBatch& batch, const TopicSnapshot& topic,
                   const Expected& expected) {
  absl::StatusOr<CheckedBatch> checked = CheckBatch(batch, topic);
  ASSERT_FALSE(checked.ok()) << expected.message;
  const v1::ErrorInfo info = ErrorInfoOf(checked.status());
  EXPECT_EQ(checked.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(info.reason(), expected.reason) << checked.status();
  EXPECT_NE(checked.status().message().find(expected.message),
            absl::string_view::npos)
      << checked.status();
  for (const auto& [key, value] : expected.facts) {
    ASSERT_TRUE(info.metadata().contains(key)) << key;
    EXPECT_EQ(info.metadata().at(key), value) << key;
  }
  EXPECT_EQ(info.metadata().at("outcome"), "definite");
}

TEST(BatchCheckTest, FillsWhatTheLogNeeds) {
  const std::string records = Records(3, 10);
  for (Codec codec : {Codec::kNone, Codec::kZstd, Codec::kLz4}) {
    const ScannedBatch batch = codec == Codec::kNone
                                   ? Uncompressed(records)
                                   : Compressed(codec, records);
    absl::StatusOr<CheckedBatch> checked = CheckBatch(batch, Topic());
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->codec, codec);
    EXPECT_EQ(checked->record_count, 3u);
    EXPECT_EQ(checked->payload.ToString(), batch.payload.ToString());
    EXPECT_EQ(checked->payload_crc32c, Crc32c(batch.payload));
    EXPECT_EQ(checked->payload_sha256, Sha256(batch.payload));
  }
}

TEST(BatchCheckTest, BytesAtTheLimitAndOneOver) {
  EXPECT_TRUE(
      CheckBatch(Uncompressed(RecordsOfBytes(kBytesMax)), Topic()).ok());
  ExpectRefused(
      Uncompressed(RecordsOfBytes(kBytesMax + 1)), Topic(),
      {"LIMIT_EXCEEDED",
       "limit batch_bytes_max 200000 of topic orders: the batch has "
       "200001",
       {{"limit", "batch_bytes_max"}, {"max", "200000"}, {"value", "200001"}}});
}

TEST(BatchCheckTest, InflatedBytesAtTheLimitAndOneOver) {
  for (Codec codec : {Codec::kZstd, Codec::kLz4}) {
    EXPECT_TRUE(
        CheckBatch(Compressed(codec, RecordsOfBytes(kBytesMax)), Topic()).ok());
    ExpectRefused(Compressed(codec, RecordsOfBytes(kBytesMax + 1)), Topic(),
                  {"LIMIT_EXCEEDED",
                   "limit batch_bytes_max 200000",
                   {{"limit", "batch_bytes_max"},
                    {"max", "200000"},
                    {"value", "more than 200000"}}});
  }
}

TEST(BatchCheckTest, RecordsAtTheLimitAndOneOver) {
  EXPECT_TRUE(CheckBatch(Uncompressed(Records(kRecordsMax, 1)), Topic()).ok());
  ExpectRefused(Uncompressed(Records(kRecordsMax + 1, 1)), Topic(),
                {"LIMIT_EXCEEDED",
                 "limit batch_records_max 50",
                 {{"limit", "batch_records_max"}, {"max", "50"}}});
}

TEST(BatchCheckTest, LimitsOfARecord) {
  RecordSetEncoder encoder;
  const std::string key(kKeyBytesMax + 1, 'k');
  RecordView record;
  record.key = key;
  encoder.Add(record);
  ExpectRefused(
      Uncompressed(encoder.Take()), Topic(),
      {"LIMIT_EXCEEDED",
       "record 0 has 65537",
       {{"limit", "key_bytes_max"}, {"max", "65536"}, {"value", "65537"}}});
}

TEST(BatchCheckTest, ChecksumMustBeRight) {
  ScannedBatch batch = Uncompressed(Records(2, 5));
  batch.payload_crc32c = Crc32c(batch.payload);
  EXPECT_TRUE(CheckBatch(batch, Topic()).ok());
  batch.payload_crc32c = *batch.payload_crc32c ^ 1;
  ExpectRefused(batch, Topic(), {"CHECKSUM_MISMATCH", "payload_crc32c", {}});
}

TEST(BatchCheckTest, RecordCountMustBeRight) {
  ScannedBatch batch = Uncompressed(Records(2, 5));
  batch.record_count = 2;
  EXPECT_TRUE(CheckBatch(batch, Topic()).ok());
  batch.record_count = 3;
  ExpectRefused(batch, Topic(),
                {"RECORD_COUNT_MISMATCH",
                 "record_count is 3, the batch has 2 records",
                 {{"record_count", "3"}, {"records", "2"}}});
}

TEST(BatchCheckTest, CompressionRules) {
  const std::string records = Records(2, 5);
  ScannedBatch batch = Uncompressed(records);
  batch.compression = v1::COMPRESSION_ZSTD;
  ExpectRefused(batch, Topic(),
                {"MALFORMED_REQUEST", "together with uncompressed", {}});

  batch = Compressed(Codec::kZstd, records);
  batch.compression = v1::COMPRESSION_UNSPECIFIED;
  ExpectRefused(batch, Topic(), {"COMPRESSION_REFUSED", "needs a codec", {}});
  for (uint64_t unknown : {uint64_t{3}, (uint64_t{1} << 32) + 1}) {
    batch.compression = unknown;
    ExpectRefused(batch, Topic(), {"COMPRESSION_REFUSED", "unknown codec", {}});
  }
  batch.compression = v1::COMPRESSION_LZ4;  // it is zstd
  ExpectRefused(batch, Topic(), {"COMPRESSION_REFUSED", "batch: ", {}});

  TopicSnapshot strict = Topic();
  strict.accepts_zstd = false;
  ExpectRefused(
      Compressed(Codec::kZstd, records), strict,
      {"COMPRESSION_REFUSED", "topic orders does not accept zstd", {}});
  EXPECT_TRUE(CheckBatch(Compressed(Codec::kLz4, records), strict).ok());
}

TEST(BatchCheckTest, RecordsMustBeRecords) {
  ExpectRefused(Uncompressed(""), Topic(), {"MALFORMED_REQUEST", "empty", {}});
  ExpectRefused(Uncompressed("\xff\xff"), Topic(),
                {"MALFORMED_REQUEST", "batch: ", {}});
  ExpectRefused(Compressed(Codec::kZstd, "no records"), Topic(),
                {"MALFORMED_REQUEST", "batch: ", {}});
}

TEST(BatchCheckTest, ABombIsRefusedWithoutInflatingIt) {
  ExpectRefused(Compressed(Codec::kZstd, std::string(64 << 20, '\0')), Topic(),
                {"LIMIT_EXCEEDED", "batch_bytes_max", {}});
}

}  // namespace
}  // namespace kappa::server
