// EntryHeader: what stands before every entry's payload on disk and on the wire
// between nodes.
//
//   value of an entry =
//   +--------------+----------------------------+--------+---------------+
//   | fixed part   | extension (length-prefixed)| CRC32C | payload bytes |
//   +--------------+----------------------------+--------+---------------+
//    little endian   tag, length, bytes ...       of both  as they arrived
#ifndef KAPPA_STORAGE_ENTRY_HEADER_H_
#define KAPPA_STORAGE_ENTRY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/wire/codec.h"
#include "proto/wire/types.h"
#include "raft/entry.h"

namespace kappa::storage {

// How the payload bytes are to be read.
enum class PayloadEncoding : uint8_t {
  kNone = 0,           // no payload (no-op, fence)
  kRecordSet = 1,      // kappa.v1.RecordSet, compressed by `codec`
  kCommand = 2,        // kappa.storage.v1.MetadataCommand
  kConfiguration = 3,  // an encoded raft::Configuration
};

// Which of a producer's batches this is. An id of zeros: no producer.
struct ProducerStamp {
  Uuid id{};
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  bool present() const { return id != Uuid{}; }
  friend bool operator==(const ProducerStamp&, const ProducerStamp&) = default;
};

struct EntryHeader {
  raft::EntryKind kind = raft::EntryKind::kNoOp;
  PayloadEncoding encoding = PayloadEncoding::kNone;
  Codec codec = Codec::kNone;
  uint32_t record_count = 0;
  Term term;
  LogIndex index;
  Offset base_offset;  // of the first record; the end offset for other kinds
  int64_t append_time_us = 0;
  ProducerStamp producer;
  uint32_t payload_bytes = 0;
  uint32_t payload_crc32c = 0;
  Digest payload_sha256{};
  Digest chain{};  // up to and including this entry; see chain.h
  std::optional<std::string> producer_state;  // at most kProducerStateBytesMax

  Offset next_offset() const { return base_offset + record_count; }
  friend bool operator==(const EntryHeader&, const EntryHeader&) = default;
};

inline constexpr size_t kProducerStateBytesMax = 1024;
inline constexpr uint8_t kEntryFormatVersion = 1;

// Appends the encoded header (everything before the payload) to `out`.
void EncodeEntryHeader(const EntryHeader& header, std::string* out);

struct DecodedEntryHeader {
  EntryHeader header;
  size_t header_bytes = 0;  // the payload begins here
};

// Decodes the header at the beginning of `value`.
// Errors: DATA_LOSS: too short, wrong CRC, or values that contradict each
// other; FAILED_PRECONDITION: a format version newer than this build's.
absl::StatusOr<DecodedEntryHeader> DecodeEntryHeader(std::string_view value);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ENTRY_HEADER_H_
