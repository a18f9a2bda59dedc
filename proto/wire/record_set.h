// Encoding, checking and walking a RecordSet (kappa/v1/record.proto) without
// making objects of it. Written for the hot paths of server and client.
#ifndef KAPPA_PROTO_WIRE_RECORD_SET_H_
#define KAPPA_PROTO_WIRE_RECORD_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/payload.h"

namespace kappa {

inline constexpr size_t kKeyBytesMax = 64 * 1024;
inline constexpr size_t kHeadersMax = 64;
inline constexpr size_t kHeaderNameBytesMax = 1024;
inline constexpr size_t kHeaderBytesMax = 64 * 1024;
inline constexpr uint32_t kBatchRecordsDefault = 65'536;
inline constexpr uint32_t kBatchRecordsMax = 1'048'576;
inline constexpr uint32_t kBatchBytesDefault = 3 * 1024 * 1024;
inline constexpr uint32_t kBatchBytesMax = 16 * 1024 * 1024;

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// One record, pointing into someone else's bytes.
struct RecordView {
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> value = {};
  absl::Span<const HeaderView> headers = {};
  std::optional<int64_t> event_time_us = {};
};

// Builds an encoded RecordSet, one append per record.
//
// Thread safety: thread-compatible.
class RecordSetEncoder {
 public:
  // Encoded size that Add would add.
  static size_t EncodedSize(const RecordView& record);
  void Add(const RecordView& record);
  // Makes room for `bytes` more.
  void Reserve(size_t bytes) { encoded_.reserve(encoded_.size() + bytes); }
  uint32_t record_count() const { return record_count_; }
  size_t bytes() const { return encoded_.size(); }
  // Returns the encoding and begins anew.
  std::string Take();

 private:
  std::string encoded_;
  uint32_t record_count_ = 0;
};

// Bounds that a scan enforces.
struct RecordSetLimits {
  uint32_t records_max = kBatchRecordsDefault;
};

// Walks over the wire format of an encoded RecordSet given in pieces, and
// returns the number of records. Checks everything a protobuf parser checks
// (tags, wire types, lengths, UTF-8 of header names) plus the limits of keys,
// headers and records; unknown fields are refused, so that what is stored is
// what this version understands. An empty set is refused. Never allocates more
// than a fixed amount.
// Errors: INVALID_ARGUMENT naming record number and what is wrong; the message
// begins with "limit " when a limit is passed ("limit key_bytes_max 65536:
// record 3 has 70000").
absl::StatusOr<uint32_t> ScanRecordSet(const Payload& payload,
                                       const RecordSetLimits& limits);

// Iterates over the records of a contiguous, encoded RecordSet that passed
// ScanRecordSet at some time; still memory-safe on any input.
//
//   RecordSetReader reader(bytes);
//   while (reader.Next()) Use(reader.record());
//   return reader.status();
class RecordSetReader {
 public:
  explicit RecordSetReader(std::string_view encoded) : rest_(encoded) {}
  RecordSetReader(const RecordSetReader&) = delete;
  RecordSetReader& operator=(const RecordSetReader&) = delete;

  // False at the end or on malformed bytes (see status()).
  bool Next();
  // Valid until the next call of Next; views point into the encoded bytes.
  const RecordView& record() const { return record_; }
  // The record's own encoding, tag and length included: what RecordSetEncoder
  // would have appended.
  std::string_view encoded_record() const { return encoded_record_; }
  const absl::Status& status() const { return status_; }

 private:
  std::string_view rest_;
  RecordView record_;
  std::string_view encoded_record_;
  absl::InlinedVector<HeaderView, 8> headers_;
  absl::Status status_;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_RECORD_SET_H_
