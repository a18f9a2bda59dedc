#include "server/rpc/batch_check.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

// Payloads up to this size are copied: one small batch may otherwise hold a
// network buffer of megabytes for as long as the memory window keeps it.
constexpr size_t kOwnedPayloadBytesMax = 16 * 1024;

absl::StatusOr<Codec> CodecOf(const ScannedBatch& batch,
                              const TopicSnapshot& topic) {
  const auto refuse = [&batch](absl::string_view why) {
    return MakeError(v1::ERROR_REASON_COMPRESSION_REFUSED,
                     absl::StrCat("compression ", batch.compression, ": ", why),
                     {{"compression", absl::StrCat(batch.compression)}});
  };
  if (!batch.in_compressed_field) {
    if (batch.compression == v1::COMPRESSION_UNSPECIFIED) return Codec::kNone;
    return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                     absl::StrCat("batch: compression ", batch.compression,
                                  " together with uncompressed records"));
  }
  Codec codec;
  switch (batch.compression) {
    case v1::COMPRESSION_ZSTD:
      codec = Codec::kZstd;
      break;
    case v1::COMPRESSION_LZ4:
      codec = Codec::kLz4;
      break;
    case v1::COMPRESSION_UNSPECIFIED:
      return refuse("compressed_records needs a codec");
    default:
      return refuse("unknown codec");
  }
  if (topic.Accepts(codec)) return codec;
  return refuse(absl::StrCat("topic ", topic.topic.name(), " does not accept ",
                             ToAbsl(CodecName(codec))));
}

absl::Status CheckSize(size_t bytes, const TopicSnapshot& topic) {
  if (bytes <= topic.batch_bytes_max) return absl::OkStatus();
  return MakeError(
      v1::ERROR_REASON_LIMIT_EXCEEDED,
      absl::StrCat("limit batch_bytes_max ", topic.batch_bytes_max,
                   " of topic ", topic.topic.name(), ": the batch has ", bytes),
      {{"limit", "batch_bytes_max"},
       {"max", absl::StrCat(topic.batch_bytes_max)},
       {"value", absl::StrCat(bytes)}});
}

// The number of records, each checked.
absl::StatusOr<uint32_t> CountRecords(const Payload& payload, Codec codec,
                                      const TopicSnapshot& topic) {
  const RecordSetLimits limits{.records_max = topic.batch_records_max};
  absl::StatusOr<uint32_t> count;
  if (codec == Codec::kNone) {
    count = ScanRecordSet(payload, limits);
  } else {
    absl::StatusOr<std::string> inflated =
        Inflate(codec, payload, topic.batch_bytes_max);
    if (!inflated.ok()) {
      return TranslateScanError(inflated.status(),
                                v1::ERROR_REASON_COMPRESSION_REFUSED);
    }
    count = ScanRecordSet(Payload::FromString(*std::move(inflated)), limits);
  }
  if (count.ok()) return count;
  return TranslateScanError(count.status(), v1::ERROR_REASON_MALFORMED_REQUEST);
}

}  // namespace

absl::StatusOr<CheckedBatch> CheckBatch(const ScannedBatch& batch,
                                        const TopicSnapshot& topic) {
  CheckedBatch checked;
  if (absl::Status size = CheckSize(batch.payload.bytes(), topic); !size.ok()) {
    return size;
  }
  absl::StatusOr<Codec> codec = CodecOf(batch, topic);
  if (!codec.ok()) return codec.status();
  checked.codec = *codec;
  checked.payload = batch.payload.bytes() <= kOwnedPayloadBytesMax
                        ? Payload::FromString(batch.payload.ToString())
                        : batch.payload;
  checked.payload_crc32c = Crc32c(checked.payload);
  if (batch.payload_crc32c.value_or(checked.payload_crc32c) !=
      checked.payload_crc32c) {
    return MakeError(
        v1::ERROR_REASON_CHECKSUM_MISMATCH,
        absl::StrCat("payload of ", checked.payload.bytes(),
                     " bytes has CRC32C ", checked.payload_crc32c,
                     ", payload_crc32c says ", *batch.payload_crc32c));
  }
  absl::StatusOr<uint32_t> count = CountRecords(checked.payload, *codec, topic);
  if (!count.ok()) return count.status();
  checked.record_count = *count;
  if (batch.record_count != 0 && batch.record_count != *count) {
    return MakeError(v1::ERROR_REASON_RECORD_COUNT_MISMATCH,
                     absl::StrCat("record_count is ", batch.record_count,
                                  ", the batch has ", *count, " records"),
                     {{"record_count", absl::StrCat(batch.record_count)},
                      {"records", absl::StrCat(*count)}});
  }
  checked.payload_sha256 = Sha256(checked.payload);
  return checked;
}

absl::Status TranslateScanError(const absl::Status& error,
                                v1::ErrorReason otherwise) {
  const absl::string_view text = error.message();
  if (!absl::StartsWith(text, "limit ")) {
    return MakeError(otherwise, ToStd(absl::StrCat("batch: ", text)));
  }
  // "limit key_bytes_max 65536: record 3 has 70000".
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  std::string max(words.size() > 2 ? words[2] : "");
  if (absl::EndsWith(max, ":")) max.pop_back();
  const bool exact = words.size() > 2 && words[words.size() - 2] == "has";
  return MakeError(v1::ERROR_REASON_LIMIT_EXCEEDED, ToStd(text),
                   {{"limit", std::string(words.size() > 1 ? words[1] : "")},
                    {"max", max},
                    {"value", exact ? std::string(words.back())
                                    : absl::StrCat("more than ", max)}});
}

}  // namespace kappa::server
