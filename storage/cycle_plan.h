// CyclePlan: what the writes of one cycle make of the replicas they touch.
#ifndef KAPPA_STORAGE_CYCLE_PLAN_H_
#define KAPPA_STORAGE_CYCLE_PLAN_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "storage/cycle_batch.h"
#include "storage/entry_reader.h"
#include "storage/log_store.h"
#include "storage/repaired_entries.h"
#include "storage/replica_table.h"
#include "storage/rocks_database.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Thread safety: thread-compatible; used by the writer thread. What it borrows
// must outlive it.
class CyclePlan {
 public:
  CyclePlan(const RocksDatabase* database, ReplicaTable* replicas,
            SegmentDirectory* directory, const EntryReader* entries,
            RepairedEntries* repaired)
      : database_(database),
        replicas_(replicas),
        directory_(directory),
        entries_(entries),
        repaired_(repaired) {}

  // Puts the rows and entries of `writes` into the batch; entries go to
  // `active`.
  // Requires: what LogStore::Commit says.
  // Errors: DATA_LOSS: an entry before a truncation cannot be read.
  absl::Status Make(absl::Span<const GroupWrite> writes, SegmentNumber active,
                    const Family& family, CycleBatch* batch);
  // Hides what the batch will overwrite. Call before the batch is written.
  void HideReplaced() const;
  // Shows the new positions. Call once the batch is durable.
  void Publish();

 private:
  // A replica as the writes so far leave it.
  struct Touched {
    ReplicaPosition position;
    std::optional<DirectoryRow> active_row;
    std::optional<LogIndex> new_base;
    bool row_changed = false;
    // Entries above this one are replaced.
    std::optional<LogIndex> kept_last;
    bool group_row_changed = false;
  };

  Touched& Touch(ReplicaNumber replica);
  void InstallBase(const GroupBase& base, Touched* touched);
  absl::Status Truncate(absl::Span<const GroupWrite> earlier,
                        const GroupWrite& write, Touched* touched);
  // The header of the last entry that a truncation keeps.
  absl::StatusOr<EntryHeader> KeptHeader(absl::Span<const GroupWrite> earlier,
                                         ReplicaNumber replica,
                                         LogIndex index) const;
  // Drops repaired entries at and above `from`.
  void CutRepaired(ReplicaNumber replica, LogIndex from, CycleBatch* batch);
  void Repair(const GroupWrite& write, const Touched& touched,
              CycleBatch* batch);
  void Append(const GroupWrite& write, Touched* touched, CycleBatch* batch);
  void SetRow(LogIndex first, Offset offset, int64_t append_time_us,
              Touched* touched);

  const RocksDatabase* const database_;
  ReplicaTable* const replicas_;
  SegmentDirectory* const directory_;
  const EntryReader* const entries_;
  RepairedEntries* const repaired_;

  SegmentNumber active_;
  Family family_;
  std::vector<std::pair<ReplicaNumber, Touched>> touched_;
  absl::flat_hash_map<ReplicaNumber, size_t> places_;  // in touched_
  // In order: an entry was repaired, or its replica was cut from there on.
  struct RepairChange {
    RepairedEntry entry;
    bool cut = false;
  };
  std::vector<RepairChange> repair_changes_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CYCLE_PLAN_H_
