#include "storage/cycle_committer.h"

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/commit_mutant.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

// Rows kept behind the last cycle: a watermark slot that was lost leaves the
// one before it to be checked.
constexpr uint64_t kRowsKept = 4;
// Rows are deleted by the range, not for each cycle.
constexpr uint64_t kRowsDeletedMin = 16;

uint64_t MonotonicUs() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

}  // namespace

CycleCommitter::CycleCommitter(
    RocksDatabase* database, const RocksListener* listener,
    std::unique_ptr<Watermark> watermark, CycleStart start,
    std::function<void(const absl::Status&)> on_fatal)
    : database_(database),
      listener_(listener),
      watermark_(std::move(watermark)),
      open_id_(start.open_id),
      on_fatal_(std::move(on_fatal)),
      last_(start.last),
      floor_(start.floor),
      flushed_cycle_(start.last.number),  // its own row is kept, flushed or not
      cycle_(start.last.number) {}

CycleBatch* CycleCommitter::Begin(size_t payload_bytes) {
  batch_.Begin(last_.number + 1, last_.digest, payload_bytes);
  return &batch_;
}

void CycleCommitter::RaiseFloor() {
  const uint64_t flushed_sequence = listener_->flushed_sequence();
  while (!unflushed_.empty() && unflushed_.front().first <= flushed_sequence) {
    flushed_cycle_ = unflushed_.front().second;
    unflushed_.pop_front();
  }
  const uint64_t kept = last_.number > kRowsKept ? last_.number - kRowsKept : 0;
  const uint64_t floor = std::min(flushed_cycle_, kept);
  if (floor < floor_ + kRowsDeletedMin) return;
  batch_.DeleteRange(database_->meta(), MetaKey(MetaRow::kCycle, floor_),
                     MetaKey(MetaRow::kCycle, floor));
  batch_.Put(database_->meta(), MetaPrefix(MetaRow::kFloor),
             EncodeFloorRow(floor));
  floor_ = floor;
}

absl::Status CycleCommitter::Fail(const absl::Status& status) {
  failure_ = status;
  if (on_fatal_) on_fatal_(status);
  return status;
}

absl::Status CycleCommitter::WriteBatch() {
  rocksdb::WriteOptions options;
  options.sync = !acknowledge_before_sync;
  return FromRocks(database_->db()->Write(options, batch_.batch()),
                   "write-ahead log");
}

absl::Status CycleCommitter::AdvanceWatermark(const WatermarkValue& value) {
  if (!acknowledge_before_sync) return watermark_->Advance(value);
  late_ = value;
  return absl::OkStatus();
}

absl::Status CycleCommitter::SyncLate() {
  if (!late_.has_value()) return absl::OkStatus();
  absl::Status status =
      FromRocks(database_->db()->SyncWAL(), "write-ahead log");
  if (status.ok()) status = watermark_->Advance(*late_);
  late_.reset();
  return status;
}

absl::Status CycleCommitter::Commit() {
  if (!failure_.ok()) return failure_;
  absl::Status status = SyncLate();
  if (!status.ok()) return Fail(status);
  RaiseFloor();
  const CycleRow row = batch_.Finish(database_->meta());
  WatermarkValue value;
  value.open_id = open_id_;
  value.cycle = row.number;
  value.digest = row.digest;
  const uint64_t began_us = MonotonicUs();
  // A small cycle is written to both places at once.
  const bool beside =
      !acknowledge_before_sync &&
      watermark_->BeginAdvance(value, row.previous, batch_.batch()->Data());
  status = WriteBatch();
  if (!status.ok()) {
    return Fail(absl::Status(
        status.code(),
        absl::StrCat("write cycle ", row.number, ": ", status.message())));
  }
  const uint64_t synced_us = MonotonicUs();
  status = beside ? watermark_->EndAdvance() : AdvanceWatermark(value);
  if (!status.ok()) return Fail(status);
  watermark_sync_us_total_ += MonotonicUs() - synced_us;
  wal_sync_us_total_ += synced_us - began_us;
  unflushed_.emplace_back(database_->db()->GetLatestSequenceNumber(),
                          row.number);
  last_ = row;
  cycle_ = row.number;
  return absl::OkStatus();
}

}  // namespace kappa::storage
