#include "server/rpc/delivery.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::StoredEntry;

absl::Status Damaged(const EntryHeader& header, absl::string_view what) {
  return MakeError(
      v1::ERROR_REASON_DATA_DAMAGED,
      absl::StrCat("batch at offset ", header.base_offset.value(), ": ", what),
      {{"index", absl::StrCat(header.index.value())}});
}

std::string_view AsText(const Digest& digest) {
  return std::string_view(reinterpret_cast<const char*>(digest.data()),
                          digest.size());
}

// The fields of a DeliveredBatch that differ between ways of delivery.
struct BatchFields {
  Offset base_offset;
  uint32_t record_count = 0;
  Codec codec = Codec::kNone;
  uint32_t payload_crc32c = 0;
  bool reencoded = false;
  std::vector<uint32_t> offset_deltas;
  uint32_t first_record = 0;
  uint32_t last_record = 0;
};

void AppendNonZero(std::string* out, uint32_t number, uint64_t value) {
  if (value != 0) AppendVarintField(out, number, value);
}

EncodedBatch Encode(const BatchFields& fields, const EntryHeader& header,
                    Payload payload, bool with_digests) {
  // What the fields below take, but for the rare ones.
  constexpr size_t kHeadBytes = 64;
  EncodedBatch batch;
  std::string& head = batch.head;
  head.reserve(kHeadBytes);
  AppendNonZero(&head, 1, fields.base_offset.value());
  AppendNonZero(&head, 2, fields.record_count);
  AppendNonZero(&head, 3, static_cast<uint64_t>(header.append_time_us));
  AppendNonZero(&head, 4, static_cast<uint64_t>(fields.codec));
  AppendFixed32Field(&head, 5, fields.payload_crc32c);
  AppendNonZero(&head, 8, fields.reencoded ? 1 : 0);
  if (!fields.offset_deltas.empty()) {
    std::string packed;
    for (uint32_t delta : fields.offset_deltas) AppendVarint(&packed, delta);
    AppendBytesField(&head, 9, packed);
  }
  AppendNonZero(&head, 10, fields.first_record);
  AppendNonZero(&head, 11, fields.last_record);
  if (with_digests) {
    AppendBytesField(&head, 12, AsText(header.payload_sha256));
    AppendBytesField(&head, 13, AsText(header.chain));
  }
  AppendBytesFieldPrefix(&head, fields.codec == Codec::kNone ? 6 : 7,
                         payload.bytes());
  batch.payload = std::move(payload);
  return batch;
}

// The payload's records, uncompressed and in one piece.
absl::StatusOr<Payload> InflatedPayload(const StoredEntry& entry) {
  if (entry.header.codec == Codec::kNone) {
    if (entry.payload.pieces().size() == 1) return entry.payload;
    return Payload::FromString(entry.payload.ToString());
  }
  absl::StatusOr<std::string> inflated =
      Inflate(entry.header.codec, entry.payload, kBatchBytesMax);
  if (!inflated.ok()) {
    return Damaged(entry.header, inflated.status().message());
  }
  return Payload::FromString(*std::move(inflated));
}

std::string_view BytesOf(const Payload& contiguous) {
  return contiguous.pieces().empty() ? std::string_view()
                                     : contiguous.pieces().front();
}

// A part of `whole`, by reference.
Payload PartOf(const Payload& whole, std::string_view part) {
  Payload::Pieces pieces;
  if (!part.empty()) pieces.push_back(part);
  return Payload(std::move(pieces), whole.owner());
}

}  // namespace

void AppendBatchField(const EncodedBatch& batch, size_t copied_bytes_max,
                      WireMessage* message) {
  constexpr uint32_t kBatchesField = 2;
  std::string* text = message->text();
  AppendBytesFieldPrefix(text, kBatchesField, batch.bytes());
  text->append(batch.head);
  message->AppendPayload(batch.payload, copied_bytes_max);
}

Delivery::Delivery(std::shared_ptr<const ReadPlan> plan, const ReadRange& range)
    : plan_(std::move(plan)),
      until_(range.until),
      stop_time_us_(range.stop_time_us),
      position_(range.from),
      records_left_(plan_->records_max),
      bytes_left_(plan_->bytes_max),
      complete_(AtStop(range.from)) {}

bool Delivery::AtStop(Offset next_offset) const {
  return plan_->backwards ? next_offset <= until_ : next_offset >= until_;
}

bool Delivery::StopsBefore(const EntryHeader& header) const {
  if (complete_) return true;
  if (plan_->backwards) return header.next_offset() <= until_;
  return header.base_offset >= until_ ||
         (stop_time_us_.has_value() && header.append_time_us >= *stop_time_us_);
}

bool Delivery::PassesBytes(size_t bytes) const {
  return any_delivered_ && bytes > bytes_left_;
}

Delivery::Wanted Delivery::WantedOf(const EntryHeader& header) const {
  const Offset low = plan_->backwards ? until_ : position_;
  const Offset high = plan_->backwards ? position_ : until_;
  const Offset first = std::max(header.base_offset, low);
  const Offset end = std::min(header.next_offset(), high);
  if (first >= end) return Wanted{0, 0};
  return Wanted{static_cast<uint32_t>(first - header.base_offset),
                static_cast<uint32_t>(end - header.base_offset)};
}

absl::StatusOr<DeliveryStep> Delivery::Next(const StoredEntry& entry) const {
  const EntryHeader& header = entry.header;
  DeliveryStep step;
  if (StopsBefore(header)) {
    step.next_offset = position_;
    step.complete = step.before = true;
    return step;
  }
  Wanted wanted = WantedOf(header);
  if (wanted.first == wanted.end) {
    step.next_offset = plan_->backwards
                           ? std::min(position_, header.base_offset)
                           : std::max(position_, header.next_offset());
    return Finished(std::move(step));
  }
  if (plan_->filter.has_value()) return FilteredBatch(entry, wanted);
  if (wanted.end - wanted.first > records_left_) {
    const uint32_t left = static_cast<uint32_t>(records_left_);
    if (plan_->backwards) {
      wanted.first = wanted.end - left;
    } else {
      wanted.end = wanted.first + left;
    }
  }
  const bool whole = wanted.first == 0 && wanted.end == header.record_count;
  if (plan_->whole_batches || (whole && plan_->Accepts(header.codec))) {
    return WholeBatch(entry, wanted);
  }
  return CutBatch(entry, wanted);
}

DeliveryStep Delivery::Finished(DeliveryStep step) const {
  if (step.batch.has_value() && PassesBytes(step.payload_bytes)) {
    DeliveryStep stop;
    stop.next_offset = position_;
    stop.complete = stop.before = true;
    return stop;
  }
  step.complete = AtStop(step.next_offset) || step.records >= records_left_ ||
                  (step.batch.has_value() && step.payload_bytes >= bytes_left_);
  return step;
}

absl::StatusOr<DeliveryStep> Delivery::WholeBatch(const StoredEntry& entry,
                                                  Wanted wanted) const {
  const EntryHeader& header = entry.header;
  BatchFields fields;
  fields.base_offset = header.base_offset;
  fields.record_count = header.record_count;
  fields.codec = header.codec;
  fields.payload_crc32c = header.payload_crc32c;
  if (plan_->whole_batches) {
    fields.first_record = wanted.first;
    fields.last_record = wanted.end - 1;
  }
  DeliveryStep step;
  step.batch = Encode(fields, header, entry.payload, plan_->with_digests);
  step.records = wanted.end - wanted.first;
  step.payload_bytes = entry.payload.bytes();
  step.next_offset =
      header.base_offset + (plan_->backwards ? wanted.first : wanted.end);
  return Finished(std::move(step));
}

absl::StatusOr<DeliveryStep> Delivery::CutBatch(const StoredEntry& entry,
                                                Wanted wanted) const {
  const EntryHeader& header = entry.header;
  absl::StatusOr<Payload> inflated = InflatedPayload(entry);
  if (!inflated.ok()) return inflated.status();
  const std::string_view all = BytesOf(*inflated);
  RecordSetReader reader(all);
  size_t begin = 0;
  size_t end = 0;
  for (uint32_t record = 0; record < wanted.end; ++record) {
    if (!reader.Next()) return Damaged(header, "a record is missing");
    const char* after =
        reader.encoded_record().data() + reader.encoded_record().size();
    end = static_cast<size_t>(after - all.data());
    if (record < wanted.first) begin = end;
  }
  Payload part = PartOf(*inflated, all.substr(begin, end - begin));
  BatchFields fields;
  fields.base_offset = header.base_offset + wanted.first;
  fields.record_count = wanted.end - wanted.first;
  fields.payload_crc32c = Crc32c(part);
  fields.reencoded = true;
  DeliveryStep step;
  step.records = fields.record_count;
  step.payload_bytes = part.bytes();
  step.batch = Encode(fields, header, std::move(part), plan_->with_digests);
  step.next_offset =
      header.base_offset + (plan_->backwards ? wanted.first : wanted.end);
  return Finished(std::move(step));
}

absl::StatusOr<DeliveryStep> Delivery::FilteredBatch(const StoredEntry& entry,
                                                     Wanted wanted) const {
  const EntryHeader& header = entry.header;
  absl::StatusOr<Payload> inflated = InflatedPayload(entry);
  if (!inflated.ok()) return inflated.status();
  struct Match {
    uint32_t record;
    std::string_view encoded;
  };
  std::vector<Match> matches;
  size_t matched_bytes = 0;
  RecordSetReader reader(BytesOf(*inflated));
  for (uint32_t record = 0; record < wanted.end; ++record) {
    if (!reader.Next()) return Damaged(header, "a record is missing");
    if (record < wanted.first || !plan_->filter->Matches(reader.record())) {
      continue;
    }
    matches.push_back(Match{record, reader.encoded_record()});
    matched_bytes += reader.encoded_record().size();
    if (!plan_->backwards && matches.size() == records_left_) break;
  }
  if (matches.size() > records_left_) {  // backwards: the last ones count
    matches.erase(matches.begin(),
                  matches.end() - static_cast<ptrdiff_t>(records_left_));
  }
  DeliveryStep step;
  step.records = static_cast<uint32_t>(matches.size());
  step.next_offset =
      header.base_offset + (plan_->backwards ? wanted.first : wanted.end);
  if (matches.empty()) return Finished(std::move(step));
  if (matches.size() == records_left_) {
    step.next_offset =
        header.base_offset +
        (plan_->backwards ? matches.front().record : matches.back().record + 1);
  }
  BatchFields fields;
  fields.base_offset = header.base_offset + matches.front().record;
  fields.record_count = step.records;
  fields.reencoded =
      header.codec != Codec::kNone || step.records != header.record_count;
  const uint32_t span = matches.back().record - matches.front().record + 1;
  std::string bytes;
  bytes.reserve(matched_bytes);
  for (const Match& match : matches) {
    bytes.append(match.encoded);
    if (span != step.records) {
      fields.offset_deltas.push_back(match.record - matches.front().record);
    }
  }
  step.payload_bytes = bytes.size();
  fields.payload_crc32c = Crc32c(bytes);
  step.batch = Encode(fields, header, Payload::FromString(std::move(bytes)),
                      plan_->with_digests);
  return Finished(std::move(step));
}

void Delivery::Take(const DeliveryStep& step) {
  KAPPA_CHECK(step.records <= records_left_, "more records than asked for");
  position_ = step.next_offset;
  complete_ = step.complete;
  if (!step.batch.has_value()) return;
  any_delivered_ = true;
  if (records_left_ != kNoLimit) records_left_ -= step.records;
  if (bytes_left_ != kNoLimit) {
    bytes_left_ -= std::min<uint64_t>(bytes_left_, step.payload_bytes);
  }
}

void Delivery::SkipTo(Offset offset) {
  if (plan_->backwards ? offset < position_ : offset > position_) {
    position_ = offset;
  }
  complete_ = complete_ || AtStop(position_);
}

}  // namespace kappa::server
