#include "server/rpc/append_request_scan.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/wire_format.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using Rng = std::mt19937_64;

// `bytes` cut into pieces at random places, as a network would.
Payload Scattered(const std::string& bytes, Rng* rng) {
  auto owner = std::make_shared<const std::string>(bytes);
  Payload::Pieces pieces;
  std::string_view rest(*owner);
  while (!rest.empty()) {
    const size_t here =
        std::min<size_t>(rest.size(), 1 + (*rng)() % (1 + (*rng)() % 40));
    pieces.push_back(rest.substr(0, here));
    rest.remove_prefix(here);
  }
  return Payload(std::move(pieces), owner);
}

std::string RandomBytes(size_t bytes_max, Rng* rng) {
  std::string bytes((*rng)() % (bytes_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>((*rng)());
  return bytes;
}

v1::AppendRequest RandomRequest(Rng* rng) {
  v1::AppendRequest request;
  request.set_topic("topic-" + std::to_string((*rng)() % 100));
  if ((*rng)() % 2 != 0) request.set_topic_uuid(std::string(16, 'u'));
  request.set_partition(static_cast<uint32_t>((*rng)()));
  v1::Batch* batch = request.mutable_batch();
  if ((*rng)() % 2 != 0) {
    for (uint64_t i = (*rng)() % 4; i > 0; --i) {
      batch->mutable_records()->add_records()->set_value(RandomBytes(60, rng));
    }
    batch->mutable_records();
  } else {
    batch->set_compressed_records(RandomBytes(200, rng));
    batch->set_compression(v1::COMPRESSION_ZSTD);
  }
  if ((*rng)() % 2 != 0) batch->set_record_count(7);
  if ((*rng)() % 2 != 0) batch->set_payload_crc32c(0xdeadbeef);
  if ((*rng)() % 2 != 0) {
    request.mutable_producer()->set_id(std::string(16, 'p'));
    request.mutable_producer()->set_sequence(1 + (*rng)() % 1000);
    request.mutable_producer()->set_state(RandomBytes(30, rng));
  }
  if ((*rng)() % 2 != 0) request.set_expected_offset((*rng)());
  return request;
}

// One change that a damaged or hostile client might make.
std::string Mutated(std::string bytes, Rng* rng) {
  const size_t at = bytes.empty() ? 0 : (*rng)() % bytes.size();
  switch ((*rng)() % 6) {
    case 0:
      if (!bytes.empty()) bytes[at] = static_cast<char>((*rng)());
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.insert(at, RandomBytes(5, rng));
      break;
    case 3:
      bytes += RandomBytes(12, rng);
      break;
    case 4:
      bytes.erase(at, 1 + (*rng)() % 3);
      break;
    default:
      if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ 1);
      break;
  }
  return bytes;
}

std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "OK" : ErrorInfoOf(status).reason();
}

// What a scan took from the message is what a parser takes from it.
void ExpectSame(const ScannedAppend& scanned, const v1::AppendRequest& parsed) {
  EXPECT_EQ(scanned.topic, parsed.topic());
  EXPECT_EQ(scanned.topic_uuid, parsed.topic_uuid());
  EXPECT_EQ(scanned.partition, parsed.partition());
  EXPECT_EQ(scanned.expected_offset.has_value(), parsed.has_expected_offset());
  EXPECT_EQ(scanned.expected_offset.value_or(0), parsed.expected_offset());
  EXPECT_EQ(scanned.producer.has_value(), parsed.has_producer());
  if (scanned.producer.has_value()) {
    // The scan passes over what it does not know.
    v1::ProducerSequence known = parsed.producer();
    known.DiscardUnknownFields();
    EXPECT_EQ(scanned.producer->SerializeAsString(), known.SerializeAsString());
  }
  const ScannedBatch& batch = scanned.batch;
  EXPECT_EQ(batch.in_compressed_field, parsed.batch().has_compressed_records());
  EXPECT_EQ(!batch.in_compressed_field, parsed.batch().has_records());
  EXPECT_EQ(batch.record_count, parsed.batch().record_count());
  EXPECT_EQ(batch.payload_crc32c.has_value(),
            parsed.batch().has_payload_crc32c());
  EXPECT_EQ(batch.payload_crc32c.value_or(0), parsed.batch().payload_crc32c());
  if (batch.in_compressed_field) {
    EXPECT_EQ(batch.payload.ToString(), parsed.batch().compressed_records());
  } else {
    // The parser may have dropped what it did not know; compare as objects.
    v1::RecordSet records;
    ASSERT_TRUE(records.ParseFromString(batch.payload.ToString()));
    EXPECT_EQ(records.SerializeAsString(),
              parsed.batch().records().SerializeAsString());
  }
}

TEST(AppendRequestScanTest, TakesWhatTheParserTakes) {
  Rng rng(20260101);
  for (int i = 0; i < 3000; ++i) {
    const v1::AppendRequest request = RandomRequest(&rng);
    const Payload message = Scattered(request.SerializeAsString(), &rng);
    absl::StatusOr<ScannedAppend> scanned = ScanAppendRequest(message);
    ASSERT_TRUE(scanned.ok()) << scanned.status() << request.DebugString();
    ExpectSame(*scanned, request);
  }
}

// Refuses whatever the parser refuses, and agrees with it about the rest.
TEST(AppendRequestScanTest, NeverTakesMoreThanTheParser) {
  Rng rng(20260102);
  int refused = 0;
  int taken = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string bytes = RandomRequest(&rng).SerializeAsString();
    for (uint64_t n = 1 + rng() % 3; n > 0; --n) bytes = Mutated(bytes, &rng);
    absl::StatusOr<ScannedAppend> scanned =
        ScanAppendRequest(Scattered(bytes, &rng));
    if (!scanned.ok()) {
      ++refused;
      EXPECT_EQ(scanned.status().code(), absl::StatusCode::kInvalidArgument);
      continue;
    }
    v1::AppendRequest parsed;
    // Records are checked later, by ScanRecordSet: they are no business here.
    v1::RecordSet records;
    if (!scanned->batch.in_compressed_field &&
        !records.ParseFromString(scanned->batch.payload.ToString())) {
      continue;
    }
    ++taken;
    ASSERT_TRUE(parsed.ParseFromString(bytes)) << i;
    ExpectSame(*scanned, parsed);
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_GT(taken, 5'000);
}

struct Refusal {
  std::string name;
  std::string bytes;
  std::string reason;
  std::string message;
};

std::string Field(uint32_t number, std::string_view bytes) {
  std::string out;
  AppendBytesField(&out, number, bytes);
  return out;
}
std::string Number(uint32_t number, uint64_t value) {
  std::string out;
  AppendVarintField(&out, number, value);
  return out;
}

std::vector<Refusal> Refusals() {
  const std::string topic = Field(1, "t");
  const std::string batch = Field(4, Field(1, "\x0a\x00"));
  const std::string long_state(20'000, 's');
  return {
      {"empty", "", "MALFORMED_REQUEST", "batch is missing"},
      {"no payload", topic + Field(4, ""), "MALFORMED_REQUEST",
       "neither records nor compressed_records"},
      {"both payloads", topic + Field(4, Field(1, "x") + Field(2, "y")),
       "MALFORMED_REQUEST", "both records and compressed_records"},
      {"payload twice", topic + Field(4, Field(1, "x") + Field(1, "y")),
       "MALFORMED_REQUEST", "field 1 comes twice"},
      {"batch twice", topic + batch + batch, "MALFORMED_REQUEST",
       "field 4 comes twice"},
      {"topic twice", topic + topic + batch, "MALFORMED_REQUEST",
       "field 1 comes twice"},
      {"topic as a number", Number(1, 5) + batch, "MALFORMED_REQUEST",
       "field 1: wire type"},
      {"partition as bytes", Field(3, "x") + batch, "MALFORMED_REQUEST",
       "field 3: wire type"},
      {"partition of 2^32", Number(3, uint64_t{1} << 32) + batch,
       "MALFORMED_REQUEST", "field 3: number out of range"},
      {"negative partition", Number(3, ~uint64_t{0}) + batch,
       "MALFORMED_REQUEST", "field 3: number out of range"},
      {"topic not UTF-8", Field(1, "\xff") + batch, "MALFORMED_REQUEST",
       "not UTF-8"},
      {"topic of 201 bytes", Field(1, std::string(201, 'a')) + batch,
       "LIMIT_EXCEEDED", "topic_name_bytes_max 200: got 201"},
      {"uuid of 15 bytes", Field(2, std::string(15, 'a')) + batch,
       "MALFORMED_REQUEST", "topic_uuid has 15 bytes"},
      {"cut length", topic + "\x22\x7f", "MALFORMED_REQUEST", "field 4"},
      {"field number 0", std::string("\x00\x01", 2) + batch,
       "MALFORMED_REQUEST", "damaged field tag"},
      {"group", std::string("\x7b\x7c") + batch, "MALFORMED_REQUEST",
       "unknown field"},
      {"crc as varint", Field(4, Field(1, "x") + Number(5, 1)),
       "MALFORMED_REQUEST", "field 5: wire type"},
      {"producer far too long", batch + Field(5, Field(5, long_state)),
       "LIMIT_EXCEEDED", "state_bytes_max 1024"},
      {"producer not a message", batch + Field(5, "\xff\xff"),
       "MALFORMED_REQUEST", "producer: damaged field tag"},
  };
}

TEST(AppendRequestScanTest, RefusesWithReasonAndMessage) {
  for (const Refusal& refusal : Refusals()) {
    absl::StatusOr<ScannedAppend> scanned =
        ScanAppendRequest(Payload::FromString(refusal.bytes));
    ASSERT_FALSE(scanned.ok()) << refusal.name;
    EXPECT_EQ(ReasonOf(scanned.status()), refusal.reason) << refusal.name;
    EXPECT_NE(scanned.status().message().find(refusal.message),
              absl::string_view::npos)
        << refusal.name << ": " << scanned.status();
  }
}

TEST(AppendRequestScanTest, PassesOverUnknownFields) {
  const std::string bytes = Number(99, 1) + Field(1, "t") + Field(77, "xyz") +
                            Field(4, Number(30, 2) + Field(1, "abc"));
  absl::StatusOr<ScannedAppend> scanned =
      ScanAppendRequest(Payload::FromString(bytes));
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_EQ(scanned->topic, "t");
  EXPECT_EQ(scanned->batch.payload.ToString(), "abc");
}

TEST(AppendRequestScanTest, PayloadRefersToTheMessage) {
  const Payload message =
      Payload::FromString(Field(4, Field(1, std::string(1000, 'r'))));
  absl::StatusOr<ScannedAppend> scanned = ScanAppendRequest(message);
  ASSERT_TRUE(scanned.ok());
  const std::string_view piece = scanned->batch.payload.pieces().front();
  EXPECT_GE(piece.data(), message.pieces().front().data());
  EXPECT_EQ(scanned->batch.payload.owner(), message.owner());
}

TEST(AppendStreamRequestScanTest, GivesTheAppendBytes) {
  v1::AppendStreamRequest request;
  request.set_correlation_id(1u << 31);
  request.mutable_append()->set_topic("abc");
  absl::StatusOr<ScannedStreamAppend> scanned =
      ScanAppendStreamRequest(Payload::FromString(request.SerializeAsString()));
  ASSERT_TRUE(scanned.ok());
  EXPECT_EQ(scanned->correlation_id, 1u << 31);
  EXPECT_EQ(scanned->append.ToString(), request.append().SerializeAsString());
}

TEST(AppendStreamRequestScanTest, RefusesADamagedFrame) {
  for (const std::string& bytes :
       {std::string("\x12\x05x"), Number(1, 1) + Number(1, 2),
        Field(1, "number"), std::string("\xff")}) {
    absl::StatusOr<ScannedStreamAppend> scanned =
        ScanAppendStreamRequest(Payload::FromString(bytes));
    ASSERT_FALSE(scanned.ok());
    EXPECT_EQ(ReasonOf(scanned.status()), "MALFORMED_REQUEST");
  }
}

}  // namespace
}  // namespace kappa::server
