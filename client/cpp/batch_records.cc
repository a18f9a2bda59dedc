#include "client/cpp/batch_records.h"

#include "absl/strings/str_cat.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/string_view.h"

namespace kappa::client {

absl::Status BatchRecords::Load(DeliveredBatchView batch, bool whole) {
  batch_ = std::move(batch);
  status_ = CheckBounds(whole);
  if (status_.ok()) status_ = OpenPayload();
  record_ = 0;
  if (!status_.ok()) {
    end_record_ = 0;
    return status_;
  }
  while (record_ < first_record_) {
    if (!reader_->Next()) {
      NoteCutOff();
      return status_;
    }
    ++record_;
  }
  return status_;
}

void BatchRecords::Clear() {
  record_ = end_record_ = first_record_ = 0;
  status_ = absl::OkStatus();
}

absl::Status BatchRecords::CheckBounds(bool whole) {
  first_record_ = whole ? batch_.first_record : 0;
  end_record_ = whole ? batch_.last_record + 1 : batch_.record_count;
  if (end_record_ > batch_.record_count || first_record_ >= end_record_) {
    return Damaged(
        ToStd(absl::StrCat("records ", first_record_, " to ",
                           batch_.last_record, " of ", batch_.record_count)));
  }
  if (!batch_.offset_deltas.empty() &&
      batch_.offset_deltas.size() != batch_.record_count) {
    return Damaged("the number of offsets is not that of the records");
  }
  return absl::OkStatus();
}

absl::Status BatchRecords::OpenPayload() {
  const Payload& payload = batch_.payload;
  const bool copy =
      batch_.codec == Codec::kNone && payload.pieces().size() != 1;
  uint32_t crc = 0;
  if (copy) {
    buffer_.clear();
    buffer_.reserve(payload.bytes());
  }
  // Piece by piece, so that a piece is checked while it is in the cache.
  for (std::string_view piece : payload.pieces()) {
    crc = ExtendCrc32c(crc, piece);
    if (copy) buffer_.append(piece);
  }
  if (crc != batch_.payload_crc32c) {
    return Damaged("the payload's CRC32C does not match");
  }
  if (batch_.codec != Codec::kNone) {
    absl::StatusOr<std::string> inflated =
        Inflate(batch_.codec, payload, kBatchBytesMax);
    if (!inflated.ok()) return Damaged(ToStd(inflated.status().message()));
    buffer_ = *std::move(inflated);
  }
  const bool in_place = batch_.codec == Codec::kNone && !copy;
  reader_.emplace(in_place ? payload.pieces()[0] : std::string_view(buffer_));
  return absl::OkStatus();
}

uint64_t BatchRecords::OffsetOf(uint32_t record) const {
  return batch_.base_offset +
         (batch_.offset_deltas.empty() ? record : batch_.offset_deltas[record]);
}

absl::Status BatchRecords::Damaged(std::string_view what) const {
  return absl::DataLossError(absl::StrCat(
      "batch at offset ", batch_.base_offset, " is damaged: ", ToAbsl(what)));
}

bool BatchRecords::NoteCutOff() {
  end_record_ = record_;
  status_ =
      Damaged(reader_->status().ok() ? "it has fewer records than it says"
                                     : ToStd(reader_->status().message()));
  return false;
}

}  // namespace kappa::client
