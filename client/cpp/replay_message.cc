#include "client/cpp/replay_message.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/wire_format.h"

namespace kappa::client {
namespace {

using v1::DeliveredBatch;
using v1::ReplayResponse;

// Of fields that are copied.
constexpr size_t kSmallFieldBytesMax = 64;

constexpr uint32_t VarintTag(uint32_t number) {
  return WireTag(number, WireType::kVarint);
}
constexpr uint32_t BytesTag(uint32_t number) {
  return WireTag(number, WireType::kBytes);
}

// The buffer's slices, kept alive by the payload.
absl::StatusOr<Payload> ToPayload(const grpc::ByteBuffer& buffer) {
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  if (!buffer.Dump(slices.get()).ok()) {
    return absl::DataLossError("a replay message cannot be read");
  }
  Payload::Pieces pieces(slices->size());
  for (size_t i = 0; i < slices->size(); ++i) {
    const grpc::Slice& slice = (*slices)[i];
    pieces[i] = std::string_view(reinterpret_cast<const char*>(slice.begin()),
                                 slice.size());
  }
  return Payload(std::move(pieces), std::move(slices));
}

template <typename Number>
bool ReadNumber(PieceReader* reader, Number* number) {
  uint64_t value;
  if (!reader->ReadVarint(&value)) return false;
  *number = static_cast<Number>(value);
  return true;
}

bool ReadOffsetDeltas(const Payload& packed, std::vector<uint32_t>* deltas) {
  PieceReader reader(packed);
  while (reader.remaining() > 0) {
    if (!ReadNumber(&reader, &deltas->emplace_back())) return false;
  }
  return true;
}

bool ReadBatchField(uint32_t tag, PieceReader* reader,
                    DeliveredBatchView* batch) {
  switch (tag) {
    case VarintTag(DeliveredBatch::kBaseOffsetFieldNumber):
      return ReadNumber(reader, &batch->base_offset);
    case VarintTag(DeliveredBatch::kRecordCountFieldNumber):
      return ReadNumber(reader, &batch->record_count);
    case VarintTag(DeliveredBatch::kAppendTimeUsFieldNumber):
      return ReadNumber(reader, &batch->append_time_us);
    case VarintTag(DeliveredBatch::kCompressionFieldNumber):
      return ReadNumber(reader, &batch->codec);
    case WireTag(DeliveredBatch::kPayloadCrc32CFieldNumber, WireType::kFixed32):
      return reader->ReadFixed32(&batch->payload_crc32c);
    case BytesTag(DeliveredBatch::kRecordsFieldNumber):
    case BytesTag(DeliveredBatch::kCompressedRecordsFieldNumber):
      return reader->TakeBytes(&batch->payload);
    case VarintTag(DeliveredBatch::kOffsetDeltasFieldNumber):
      return ReadNumber(reader, &batch->offset_deltas.emplace_back());
    case BytesTag(DeliveredBatch::kOffsetDeltasFieldNumber): {
      Payload packed;
      return reader->TakeBytes(&packed) &&
             ReadOffsetDeltas(packed, &batch->offset_deltas);
    }
    case VarintTag(DeliveredBatch::kFirstRecordFieldNumber):
      return ReadNumber(reader, &batch->first_record);
    case VarintTag(DeliveredBatch::kLastRecordFieldNumber):
      return ReadNumber(reader, &batch->last_record);
    default:
      return reader->SkipField(tag);
  }
}

bool ReadBatch(PieceReader* outer, DeliveredBatchView* batch) {
  Payload encoded;
  if (!outer->TakeBytes(&encoded)) return false;
  PieceReader reader(encoded);
  while (reader.remaining() > 0) {
    uint32_t tag;
    if (!reader.ReadTag(&tag) || !ReadBatchField(tag, &reader, batch)) {
      return false;
    }
  }
  return true;
}

bool ReadGap(PieceReader* reader, std::optional<v1::Gap>* gap) {
  std::string encoded;
  if (!reader->ReadBytes(kSmallFieldBytesMax, &encoded)) return false;
  return gap->emplace().ParseFromString(encoded);
}

bool ReadField(uint32_t tag, PieceReader* reader, ReplayMessage* message) {
  switch (tag) {
    case BytesTag(ReplayResponse::kTopicUuidFieldNumber):
      return reader->ReadBytes(kSmallFieldBytesMax, &message->topic_uuid);
    case BytesTag(ReplayResponse::kBatchesFieldNumber):
      return ReadBatch(reader, &message->batches.emplace_back());
    case VarintTag(ReplayResponse::kNextOffsetFieldNumber):
      return ReadNumber(reader, &message->next_offset);
    case VarintTag(ReplayResponse::kEndOffsetFieldNumber):
      return ReadNumber(reader, &message->end_offset);
    case VarintTag(ReplayResponse::kProgressFieldNumber):
      return ReadNumber(reader, &message->progress);
    case VarintTag(ReplayResponse::kHeartbeatFieldNumber):
      return ReadNumber(reader, &message->heartbeat);
    case BytesTag(ReplayResponse::kGapFieldNumber):
      return ReadGap(reader, &message->gap);
    default:
      return reader->SkipField(tag);
  }
}

}  // namespace

absl::StatusOr<ReplayMessage> ParseReplayMessage(
    const grpc::ByteBuffer& buffer) {
  absl::StatusOr<Payload> encoded = ToPayload(buffer);
  if (!encoded.ok()) return encoded.status();
  ReplayMessage message;
  PieceReader reader(*encoded);
  while (reader.remaining() > 0) {
    uint32_t tag;
    if (!reader.ReadTag(&tag) || !ReadField(tag, &reader, &message)) {
      return absl::DataLossError(absl::StrCat(
          "a replay message is malformed before byte ", reader.position()));
    }
  }
  return message;
}

}  // namespace kappa::client
