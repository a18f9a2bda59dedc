// RecoveredState: everything in the family `meta`, as read at open.
#ifndef KAPPA_STORAGE_RECOVERED_STATE_H_
#define KAPPA_STORAGE_RECOVERED_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/cycle_row.h"
#include "storage/generation_ledger.h"
#include "storage/log_store.h"
#include "storage/repaired_entries.h"
#include "storage/replica_row.h"
#include "storage/rocks_database.h"
#include "storage/sealed_row.h"

namespace kappa::storage {

struct RecoveredState {
  // The cycle rows that are kept, ascending; not checked against each other.
  std::vector<CycleRow> cycles;
  std::optional<uint64_t> floor;  // absent: no cycle row was ever deleted
  std::vector<OpenRow> opens;     // ascending
  std::map<ReplicaNumber, ReplicaRow> replicas;  // dropped ones too
  std::map<ReplicaNumber, ReplicaPosition> positions;
  std::map<std::pair<SegmentNumber, ReplicaNumber>, DirectoryRow> directory;
  std::vector<SealedRow> sealed;        // ascending
  EvidenceRows evidence;                // of others' disks
  std::vector<RepairedEntry> repaired;  // ascending

  // The last cycle; of number 0 when there was none yet.
  CycleRow last_cycle() const {
    return cycles.empty() ? CycleRow() : cycles.back();
  }
};

// Errors: DATA_LOSS: a row is damaged; UNAVAILABLE: the file system.
absl::StatusOr<RecoveredState> ReadRecoveredState(
    const RocksDatabase& database);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_RECOVERED_STATE_H_
