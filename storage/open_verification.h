// Finds out, read-only, whether a data directory still holds everything that it
// promised (RELIABILITY.md S2, S3).
#ifndef KAPPA_STORAGE_OPEN_VERIFICATION_H_
#define KAPPA_STORAGE_OPEN_VERIFICATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry_reader.h"
#include "storage/recovered_state.h"
#include "storage/rocks_database.h"
#include "storage/segment_directory.h"
#include "storage/watermark.h"

namespace kappa::storage {

// Fills an empty directory with what `state` says, replicas first.
void FillSegmentDirectory(const RecoveredState& state,
                          SegmentDirectory* directory);

// Cycle rows without a hole, each naming the digest of the one before, from the
// oldest kept one. A hole means that any row may lack what a lost cycle wrote,
// though later cycles are there.
// Errors: DATA_LOSS: what is lost.
absl::Status VerifyCycleRows(const RecoveredState& state);

// Whether the rows end with the cycle before the watermark's, which `copy` can
// put behind them. `copy`: may be null.
bool IsContinuedBy(const RecoveredState& state, const WatermarkValue& watermark,
                   const CycleCopy* copy);

// The same as VerifyCycleRows, and the watermark's cycle is among the rows,
// with its digest and its open id, or `copy` continues them. `copy`: may be
// null. Errors: DATA_LOSS: what is lost.
absl::Status VerifyCycles(const RecoveredState& state,
                          const WatermarkValue& watermark,
                          const CycleCopy* copy);

// Segments that the directory names as families are there.
// Errors: DATA_LOSS: one is missing.
absl::Status VerifySegments(const RecoveredState& state,
                            const EntryReader& entries);

// Each replica has its group row, and the row equals the entry at its last
// index.
// Errors: DATA_LOSS: the replica and what differs.
absl::Status VerifyGroupRows(const RecoveredState& state,
                             const EntryReader& entries);

// Entries that only the write-ahead log holds are contiguous, their terms do
// not decrease, and the chain leads from the entry before them to the group
// row. Returns how many were walked. Errors: DATA_LOSS: the replica, the index
// and what is wrong.
absl::StatusOr<uint64_t> VerifyUnflushedEntries(
    const RecoveredState& state, const SegmentDirectory& directory,
    const EntryReader& entries, rocksdb::DB* db);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_OPEN_VERIFICATION_H_
