// CycleCommitter: makes one cycle after the other durable: the batch synced to
// the write-ahead log, then the watermark, or a copy of a small cycle in the
// watermark beside it (RELIABILITY.md S1, S2, S9).
#ifndef KAPPA_STORAGE_CYCLE_COMMITTER_H_
#define KAPPA_STORAGE_CYCLE_COMMITTER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "storage/cycle_batch.h"
#include "storage/cycle_row.h"
#include "storage/rocks_database.h"
#include "storage/rocks_listener.h"
#include "storage/watermark.h"

namespace kappa::storage {

// Where the cycles stand when a database was opened.
struct CycleStart {
  uint64_t open_id = 0;
  CycleRow last;
  // The oldest cycle row that is kept, and whether a floor row says so.
  uint64_t floor = 1;
};

// Thread safety: used by the writer thread only, but for the counters.
class CycleCommitter {
 public:
  // `database` and `listener` must outlive the committer. `on_fatal` is told of
  // a failed write or sync.
  CycleCommitter(RocksDatabase* database, const RocksListener* listener,
                 std::unique_ptr<Watermark> watermark, CycleStart start,
                 std::function<void(const absl::Status&)> on_fatal);

  // The batch of the next cycle, to be filled. `payload_bytes` as for
  // CycleBatch::Begin.
  CycleBatch* Begin(size_t payload_bytes);
  // Makes the batch durable. After an error nothing is written any more: every
  // later call returns the same error.
  absl::Status Commit();

  uint64_t open_id() const { return open_id_; }
  // The last durable cycle. Any thread.
  uint64_t cycle() const { return cycle_; }
  uint64_t wal_sync_us_total() const { return wal_sync_us_total_; }
  uint64_t watermark_sync_us_total() const { return watermark_sync_us_total_; }

 private:
  // Deletes cycle rows that are flushed and behind the watermark.
  void RaiseFloor();
  absl::Status WriteBatch();
  absl::Status AdvanceWatermark(const WatermarkValue& value);
  // Makes durable what commit_mutant.h had reported too early.
  absl::Status SyncLate();
  absl::Status Fail(const absl::Status& status);

  RocksDatabase* const database_;
  const RocksListener* const listener_;
  const std::unique_ptr<Watermark> watermark_;
  const uint64_t open_id_;
  const std::function<void(const absl::Status&)> on_fatal_;

  CycleBatch batch_;
  CycleRow last_;
  uint64_t floor_;
  uint64_t flushed_cycle_;
  // (last sequence number, cycle) of cycles that may not be flushed yet.
  std::deque<std::pair<uint64_t, uint64_t>> unflushed_;
  absl::Status failure_;
  // Reported and not yet synced; only with the bug of commit_mutant.h.
  std::optional<WatermarkValue> late_;

  std::atomic<uint64_t> cycle_;
  std::atomic<uint64_t> wal_sync_us_total_{0};
  std::atomic<uint64_t> watermark_sync_us_total_{0};
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CYCLE_COMMITTER_H_
