// BatchRecords: walks over the records of one delivered batch.
#ifndef KAPPA_CLIENT_CPP_BATCH_RECORDS_H_
#define KAPPA_CLIENT_CPP_BATCH_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/cpp/replay_message.h"
#include "proto/wire/record_set.h"

namespace kappa::client {

// Thread safety: thread-compatible.
class BatchRecords {
 public:
  // Checks the payload's CRC32C and makes its records readable: where they are
  // if they came in one piece, else in a buffer of its own that is used again.
  // `whole`: the batch was delivered whole, so that only first_record to
  // last_record were asked for; else all of it was.
  // Errors: DATA_LOSS: damaged, or contradicts itself.
  absl::Status Load(DeliveredBatchView batch, bool whole);

  // Forgets the batch: Next returns false, status() is OK.
  void Clear();

  // Moves to the next record asked for. False after the last one, or when the
  // bytes are malformed: see status().
  bool Next() {
    if (record_ == end_record_) return false;
    if (!reader_->Next()) return NoteCutOff();
    ++record_;
    return true;
  }

  // Valid until Next or Load is called.
  const RecordView& record() const { return reader_->record(); }
  uint64_t offset() const {
    return batch_.base_offset + (batch_.offset_deltas.empty()
                                     ? record_ - 1
                                     : batch_.offset_deltas[record_ - 1]);
  }
  int64_t append_time_us() const { return batch_.append_time_us; }
  const absl::Status& status() const { return status_; }

  // Of the records asked for; valid after Load.
  uint64_t first_offset() const { return OffsetOf(first_record_); }
  uint64_t last_offset() const { return OffsetOf(end_record_ - 1); }
  uint32_t record_count() const { return end_record_ - first_record_; }

 private:
  uint64_t OffsetOf(uint32_t record) const;
  absl::Status CheckBounds(bool whole);
  // Makes contiguous what is in pieces, and inflates.
  absl::Status OpenPayload();
  absl::Status Damaged(std::string_view what) const;
  bool NoteCutOff();

  DeliveredBatchView batch_;
  std::string buffer_;
  std::optional<RecordSetReader> reader_;
  // Numbers within the payload: the first asked for, the one after the last,
  // and the one that Next moves to.
  uint32_t first_record_ = 0;
  uint32_t end_record_ = 0;
  uint32_t record_ = 0;
  absl::Status status_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_BATCH_RECORDS_H_
