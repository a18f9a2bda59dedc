#include "storage/entry_header.h"

#include <cstring>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"

namespace kappa::storage {
namespace {

// The fixed part, all numbers little endian:
//
//   at  bytes
//    0  1   format version
//    1  1   kind
//    2  1   payload encoding
//    3  1   codec
//    4  4   record count
//    8  8   term
//   16  8   index
//   24  8   base offset
//   32  8   append time
//   40  16  producer id
//   56  8   producer epoch
//   64  8   producer sequence
//   72  4   payload bytes
//   76  4   payload CRC32C
//   80  32  payload SHA-256
//  112  32  chain digest
//  144  2   bytes of the extension, whose fields are tag (1 byte), length
//           (2 bytes) and as many bytes, tags ascending
constexpr size_t kFixedBytes = 144;
constexpr size_t kExtensionAt = kFixedBytes + 2;
constexpr size_t kCrcBytes = 4;
constexpr size_t kFieldPrefixBytes = 3;

constexpr uint8_t kProducerStateTag = 1;

static_assert(kFieldPrefixBytes + kProducerStateBytesMax <=
                  std::numeric_limits<uint16_t>::max(),
              "the extension's length must fit two bytes");

absl::Status Damaged(const char* what) {
  return absl::DataLossError(absl::StrCat("decode entry header: ", what));
}

void AppendExtension(const EntryHeader& header, std::string* out) {
  if (!header.producer_state.has_value()) {
    AppendLittleEndian(uint16_t{0}, out);
    return;
  }
  const size_t state_bytes = header.producer_state->size();
  KAPPA_CHECK(state_bytes <= kProducerStateBytesMax,
              "a producer state is longer than an entry header holds");
  AppendLittleEndian(static_cast<uint16_t>(kFieldPrefixBytes + state_bytes),
                     out);
  out->push_back(static_cast<char>(kProducerStateTag));
  AppendLittleEndian(static_cast<uint16_t>(state_bytes), out);
  out->append(*header.producer_state);
}

template <size_t n>
void LoadBytes(const char* from, std::array<uint8_t, n>* to) {
  std::memcpy(to->data(), from, n);
}

void LoadFixedPart(const char* at, EntryHeader* header) {
  header->kind = static_cast<raft::EntryKind>(at[1]);
  header->encoding = static_cast<PayloadEncoding>(at[2]);
  header->codec = static_cast<Codec>(at[3]);
  header->record_count = LoadLittleEndian<uint32_t>(at + 4);
  header->term = Term(LoadLittleEndian<uint64_t>(at + 8));
  header->index = LogIndex(LoadLittleEndian<uint64_t>(at + 16));
  header->base_offset = Offset(LoadLittleEndian<uint64_t>(at + 24));
  header->append_time_us =
      static_cast<int64_t>(LoadLittleEndian<uint64_t>(at + 32));
  LoadBytes(at + 40, &header->producer.id);
  header->producer.epoch = LoadLittleEndian<uint64_t>(at + 56);
  header->producer.sequence = LoadLittleEndian<uint64_t>(at + 64);
  header->payload_bytes = LoadLittleEndian<uint32_t>(at + 72);
  header->payload_crc32c = LoadLittleEndian<uint32_t>(at + 76);
  LoadBytes(at + 80, &header->payload_sha256);
  LoadBytes(at + 112, &header->chain);
}

absl::Status LoadExtension(std::string_view extension, EntryHeader* header) {
  int last_tag = -1;
  while (!extension.empty()) {
    if (extension.size() < kFieldPrefixBytes) {
      return Damaged("extension is cut off");
    }
    const uint8_t tag = static_cast<uint8_t>(extension[0]);
    const size_t bytes = LoadLittleEndian<uint16_t>(extension.data() + 1);
    extension.remove_prefix(kFieldPrefixBytes);
    if (bytes > extension.size()) return Damaged("extension is cut off");
    if (tag <= last_tag) return Damaged("extension is not in order");
    last_tag = tag;
    if (tag != kProducerStateTag) {
      return absl::FailedPreconditionError(
          absl::StrCat("decode entry header: extension field ", tag,
                       " is of a newer version of Kappa"));
    }
    if (bytes > kProducerStateBytesMax) {
      return Damaged("producer state is too long");
    }
    header->producer_state.emplace(extension.substr(0, bytes));
    extension.remove_prefix(bytes);
  }
  return absl::OkStatus();
}

// Whether encoding, codec, counts and payload are ones that `kind` has.
bool FitsKind(const EntryHeader& header) {
  switch (header.kind) {
    case raft::EntryKind::kRecords:
      return header.record_count > 0 &&
             (header.encoding == PayloadEncoding::kRecordSet ||
              (header.encoding == PayloadEncoding::kCommand &&
               header.codec == Codec::kNone));
    case raft::EntryKind::kNoOp:
    case raft::EntryKind::kProducerFence:
      return header.record_count == 0 && header.codec == Codec::kNone &&
             header.encoding == PayloadEncoding::kNone &&
             header.payload_bytes == 0;
    case raft::EntryKind::kConfiguration:
      return header.record_count == 0 && header.codec == Codec::kNone &&
             header.encoding == PayloadEncoding::kConfiguration;
  }
  return false;
}

absl::Status CheckAgrees(const EntryHeader& header) {
  if (header.codec > Codec::kLz4) return Damaged("unknown codec");
  if (!FitsKind(header)) return Damaged("kind and content do not agree");
  if (header.index == LogIndex(0)) return Damaged("index is 0");
  if (header.base_offset.value() >
      std::numeric_limits<uint64_t>::max() - header.record_count) {
    return Damaged("offsets pass 2^64");
  }
  return absl::OkStatus();
}

// The CRC is taken as if the version byte were this format's: a damaged version
// byte is told apart from a newer format that way.
uint32_t CrcOf(std::string_view covered) {
  const char version = static_cast<char>(kEntryFormatVersion);
  return ExtendCrc32c(Crc32c(std::string_view(&version, 1)), covered.substr(1));
}

}  // namespace

void EncodeEntryHeader(const EntryHeader& header, std::string* out) {
  const size_t begin = out->size();
  out->push_back(static_cast<char>(kEntryFormatVersion));
  out->push_back(static_cast<char>(header.kind));
  out->push_back(static_cast<char>(header.encoding));
  out->push_back(static_cast<char>(header.codec));
  AppendLittleEndian(header.record_count, out);
  AppendLittleEndian(header.term.value(), out);
  AppendLittleEndian(header.index.value(), out);
  AppendLittleEndian(header.base_offset.value(), out);
  AppendLittleEndian(static_cast<uint64_t>(header.append_time_us), out);
  out->append(header.producer.id.begin(), header.producer.id.end());
  AppendLittleEndian(header.producer.epoch, out);
  AppendLittleEndian(header.producer.sequence, out);
  AppendLittleEndian(header.payload_bytes, out);
  AppendLittleEndian(header.payload_crc32c, out);
  out->append(header.payload_sha256.begin(), header.payload_sha256.end());
  out->append(header.chain.begin(), header.chain.end());
  KAPPA_CHECK(out->size() - begin == kFixedBytes,
              "the fixed part of a header has its fixed size");
  AppendExtension(header, out);
  AppendLittleEndian(Crc32c(std::string_view(*out).substr(begin)), out);
}

absl::StatusOr<DecodedEntryHeader> DecodeEntryHeader(std::string_view value) {
  if (value.empty()) return Damaged("value is empty");
  const uint8_t version = static_cast<uint8_t>(value[0]);
  const auto unreadable = [version](const char* what) {
    if (version <= kEntryFormatVersion) return Damaged(what);
    return absl::FailedPreconditionError(
        absl::StrCat("decode entry header: format version ", version,
                     " is newer than this build's ", kEntryFormatVersion));
  };
  if (value.size() < kExtensionAt + kCrcBytes) return unreadable("too short");
  const size_t extension_bytes =
      LoadLittleEndian<uint16_t>(value.data() + kFixedBytes);
  const size_t crc_at = kExtensionAt + extension_bytes;
  if (value.size() < crc_at + kCrcBytes) return unreadable("too short");
  if (LoadLittleEndian<uint32_t>(value.data() + crc_at) !=
      CrcOf(value.substr(0, crc_at))) {
    return unreadable("wrong CRC32C");
  }
  if (version != kEntryFormatVersion) return Damaged("wrong version byte");

  DecodedEntryHeader decoded;
  LoadFixedPart(value.data(), &decoded.header);
  absl::Status status = LoadExtension(
      value.substr(kExtensionAt, extension_bytes), &decoded.header);
  if (status.ok()) status = CheckAgrees(decoded.header);
  if (!status.ok()) return status;
  decoded.header_bytes = crc_at + kCrcBytes;
  return decoded;
}

}  // namespace kappa::storage
