// Fuzzing the scan of append requests, and of the records inside, against the
// protobuf parser: what the scan accepts, every parser reads as the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "kappa/v1/log_service.pb.h"
#include "proto/wire/check.h"
#include "proto/wire/payload.h"
#include "proto/wire/record_set.h"
#include "server/rpc/append_request_scan.h"

namespace kappa::server {
namespace {

void CheckPayload(const ScannedBatch& scanned, const v1::Batch& parsed) {
  KAPPA_CHECK(scanned.in_compressed_field == parsed.has_compressed_records(),
              "another payload field");
  KAPPA_CHECK(scanned.compression == static_cast<uint64_t>(static_cast<int64_t>(
                                         parsed.compression())) ||
                  scanned.compression > INT32_MAX,
              "another compression");
  KAPPA_CHECK(scanned.record_count == parsed.record_count(), "another count");
  KAPPA_CHECK(
      scanned.payload_crc32c.value_or(0) == parsed.payload_crc32c() &&
          scanned.payload_crc32c.has_value() == parsed.has_payload_crc32c(),
      "another checksum");
  if (scanned.in_compressed_field) {
    KAPPA_CHECK(scanned.payload.ToString() == parsed.compressed_records(),
                "other compressed records");
    return;
  }
  const auto count = ScanRecordSet(scanned.payload, {});
  KAPPA_CHECK(!count.ok() ||
                  static_cast<int>(*count) == parsed.records().records_size(),
              "another number of records");
}

void CheckAppend(const Payload& message) {
  const auto scanned = ScanAppendRequest(message);
  if (!scanned.ok()) return;
  v1::AppendRequest parsed;
  if (!parsed.ParseFromString(message.ToString())) {
    // The scan does not look into records; a record must be what is damaged.
    KAPPA_CHECK(!scanned->batch.in_compressed_field &&
                    !ScanRecordSet(scanned->batch.payload, {}).ok(),
                "accepted, but protobuf does not parse it");
    return;
  }
  KAPPA_CHECK(scanned->topic == parsed.topic(), "another topic");
  KAPPA_CHECK(scanned->topic_uuid == parsed.topic_uuid(), "another UUID");
  KAPPA_CHECK(scanned->partition == parsed.partition(), "another partition");
  KAPPA_CHECK(scanned->producer.has_value() == parsed.has_producer(),
              "another producer");
  // The scan passes over unknown fields.
  if (scanned->producer.has_value()) {
    parsed.mutable_producer()->DiscardUnknownFields();
    KAPPA_CHECK(scanned->producer->SerializeAsString() ==
                    parsed.producer().SerializeAsString(),
                "another producer sequence");
  }
  KAPPA_CHECK(
      scanned->expected_offset.has_value() == parsed.has_expected_offset() &&
          scanned->expected_offset.value_or(0) == parsed.expected_offset(),
      "another expected offset");
  CheckPayload(scanned->batch, parsed.batch());
}

}  // namespace
}  // namespace kappa::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const kappa::Payload message = kappa::Payload::FromString(bytes);
  kappa::server::CheckAppend(message);
  const auto framed = kappa::server::ScanAppendStreamRequest(message);
  if (framed.ok()) kappa::server::CheckAppend(framed->append);
  return 0;
}
