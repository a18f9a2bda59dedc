#include "server/rpc/append_request_scan.h"

#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "server/errors.h"
#include "storage/entry_header.h"

namespace kappa::server {
namespace {

// Longest strings taken off the wire; the exact rules are checked later.
constexpr size_t kTopicNameBytesMax = 200;
constexpr size_t kUuidBytes = 16;
// An encoded ProducerSequence: five small fields and the state.
constexpr size_t kProducerBytesMax =
    storage::kProducerStateBytesMax + 16 * 1024;

absl::Status Malformed(std::string_view message, std::string_view what) {
  return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                   absl::StrCat(ToAbsl(message), ": ", ToAbsl(what)));
}

absl::Status PassesLimit(std::string_view limit, size_t max, size_t value) {
  return MakeError(
      v1::ERROR_REASON_LIMIT_EXCEEDED,
      absl::StrCat("limit ", ToAbsl(limit), " ", max, ": got ", value),
      {{"limit", std::string(limit)},
       {"max", absl::StrCat(max)},
       {"value", absl::StrCat(value)}});
}

// Walks over the fields of one message, each at most once.
class FieldWalk {
 public:
  FieldWalk(std::string_view message, const Payload& bytes)
      : message_(message), reader_(bytes) {}

  // Goes to the next known field; false at the end or on an error (status()).
  // `known` has the bit of each known field number set, up to 31.
  bool Next(uint32_t known) {
    while (reader_.remaining() > 0) {
      if (!reader_.ReadTag(&tag_)) return Fail("damaged field tag");
      const uint32_t number = FieldNumberOf(tag_);
      if (number > 31 || (known >> number & 1) == 0) {
        if (!reader_.SkipField(tag_)) return Fail("damaged unknown field");
        continue;
      }
      if (seen_ >> number & 1) {
        return Fail(absl::StrCat("field ", number, " comes twice"));
      }
      seen_ |= 1u << number;
      return true;
    }
    return false;
  }

  uint32_t tag() const { return tag_; }
  uint32_t number() const { return FieldNumberOf(tag_); }
  bool seen(uint32_t number) const { return seen_ >> number & 1; }
  PieceReader& reader() { return reader_; }
  const absl::Status& status() const { return status_; }

  // Reads the current field; false (and an error) if it is not of that type.
  bool Varint(uint64_t max, uint64_t* value) {
    if (WireTypeOf(tag_) != WireType::kVarint) return FailField("wire type");
    if (!reader_.ReadVarint(value)) return FailField("damaged number");
    return *value <= max || FailField("number out of range");
  }
  bool Uint32(uint32_t* value) {
    uint64_t wide;
    if (!Varint(std::numeric_limits<uint32_t>::max(), &wide)) return false;
    *value = static_cast<uint32_t>(wide);
    return true;
  }
  bool Fixed32(uint32_t* value) {
    if (WireTypeOf(tag_) != WireType::kFixed32) return FailField("wire type");
    return reader_.ReadFixed32(value) || FailField("cut off");
  }
  bool Bytes(Payload* value) {
    if (WireTypeOf(tag_) != WireType::kBytes) return FailField("wire type");
    return reader_.TakeBytes(value) || FailField("cut off or wrong length");
  }
  bool FailField(std::string_view what) {
    return Fail(absl::StrCat("field ", number(), ": ", ToAbsl(what)));
  }
  bool Fail(absl::string_view what) {
    status_ = Malformed(message_, ToStd(what));
    return false;
  }

 private:
  const std::string_view message_;
  PieceReader reader_;
  uint32_t tag_ = 0;
  uint32_t seen_ = 0;
  absl::Status status_;
};

constexpr uint32_t Bits(uint32_t first, uint32_t last) {
  return (2u << last) - (1u << first);
}

absl::StatusOr<ScannedBatch> ScanBatch(const Payload& message) {
  ScannedBatch batch;
  FieldWalk walk("batch", message);
  while (walk.Next(Bits(1, 5))) {
    switch (walk.number()) {
      case 1:
      case 2:
        if (walk.seen(1) && walk.seen(2)) {
          walk.Fail("both records and compressed_records are present");
          break;
        }
        batch.in_compressed_field = walk.number() == 2;
        walk.Bytes(&batch.payload);
        break;
      case 3:
        walk.Varint(std::numeric_limits<uint64_t>::max(), &batch.compression);
        break;
      case 4:
        walk.Uint32(&batch.record_count);
        break;
      case 5: {
        uint32_t crc;
        if (walk.Fixed32(&crc)) batch.payload_crc32c = crc;
        break;
      }
    }
    if (!walk.status().ok()) break;
  }
  if (!walk.status().ok()) return walk.status();
  if (!walk.seen(1) && !walk.seen(2)) {
    return Malformed("batch",
                     "neither records nor compressed_records is present");
  }
  return batch;
}

// Reads the field that `walk` stands at into `producer`.
void TakeProducerField(FieldWalk* walk, v1::ProducerSequence* producer) {
  constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
  Payload bytes;
  uint64_t number;
  switch (walk->number()) {
    case 1:
      if (walk->Bytes(&bytes)) producer->set_id(bytes.ToString());
      break;
    case 2:
      if (walk->Varint(kAny, &number)) producer->set_epoch(number);
      break;
    case 3:
      if (walk->Varint(kAny, &number)) producer->set_sequence(number);
      break;
    case 4:
      if (walk->Varint(kAny, &number)) producer->set_previous_sequence(number);
      break;
    case 5:
      if (walk->Bytes(&bytes)) producer->set_state(bytes.ToString());
      break;
    case 6:
      if (walk->Varint(kAny, &number)) {
        producer->set_session_start_offset(number);
      }
      break;
  }
}

absl::StatusOr<v1::ProducerSequence> ScanProducer(const Payload& message) {
  if (message.bytes() > kProducerBytesMax) {
    return PassesLimit("state_bytes_max", storage::kProducerStateBytesMax,
                       message.bytes());
  }
  v1::ProducerSequence producer;
  FieldWalk walk("producer", message);
  while (walk.status().ok() && walk.Next(Bits(1, 6))) {
    TakeProducerField(&walk, &producer);
  }
  if (!walk.status().ok()) return walk.status();
  return producer;
}

absl::Status TakeTopic(const Payload& bytes, std::string* topic) {
  if (bytes.bytes() > kTopicNameBytesMax) {
    return PassesLimit("topic_name_bytes_max", kTopicNameBytesMax,
                       bytes.bytes());
  }
  *topic = bytes.ToString();
  if (!IsUtf8(*topic)) return Malformed("append", "topic is not UTF-8");
  return absl::OkStatus();
}

absl::Status TakeUuid(const Payload& bytes, std::string* uuid) {
  if (bytes.bytes() != 0 && bytes.bytes() != kUuidBytes) {
    return Malformed("append", absl::StrCat("topic_uuid has ", bytes.bytes(),
                                            " bytes, not 16"));
  }
  *uuid = bytes.ToString();
  return absl::OkStatus();
}

// Reads the field that `walk` stands at into `append`.
absl::Status TakeAppendField(FieldWalk* walk, ScannedAppend* append) {
  Payload bytes;
  switch (walk->number()) {
    case 1:
      if (walk->Bytes(&bytes)) return TakeTopic(bytes, &append->topic);
      break;
    case 2:
      if (walk->Bytes(&bytes)) return TakeUuid(bytes, &append->topic_uuid);
      break;
    case 3:
      walk->Uint32(&append->partition);
      break;
    case 4:
      if (walk->Bytes(&bytes)) {
        absl::StatusOr<ScannedBatch> batch = ScanBatch(bytes);
        if (!batch.ok()) return batch.status();
        append->batch = *std::move(batch);
      }
      break;
    case 5:
      if (walk->Bytes(&bytes)) {
        absl::StatusOr<v1::ProducerSequence> producer = ScanProducer(bytes);
        if (!producer.ok()) return producer.status();
        append->producer = *std::move(producer);
      }
      break;
    case 6: {
      uint64_t offset;
      if (walk->Varint(std::numeric_limits<uint64_t>::max(), &offset)) {
        append->expected_offset = offset;
      }
      break;
    }
  }
  return walk->status();
}

}  // namespace

absl::StatusOr<ScannedAppend> ScanAppendRequest(const Payload& message) {
  ScannedAppend append;
  FieldWalk walk("append", message);
  while (walk.Next(Bits(1, 6))) {
    if (absl::Status taken = TakeAppendField(&walk, &append); !taken.ok()) {
      return taken;
    }
  }
  if (!walk.status().ok()) return walk.status();
  if (!walk.seen(4)) return Malformed("append", "batch is missing");
  return append;
}

absl::StatusOr<ScannedStreamAppend> ScanAppendStreamRequest(
    const Payload& message) {
  ScannedStreamAppend request;
  FieldWalk walk("append stream request", message);
  while (walk.Next(Bits(1, 2))) {
    const bool taken = walk.number() == 1
                           ? walk.Varint(std::numeric_limits<uint64_t>::max(),
                                         &request.correlation_id)
                           : walk.Bytes(&request.append);
    if (!taken) break;
  }
  if (!walk.status().ok()) return walk.status();
  return request;
}

}  // namespace kappa::server
