// Sealer: turns the column family of a frozen segment into immutable files.
//
// Order of a seal (DESIGN.md §3): files written and synced, folder synced (all
// by Seal), then the owner commits the row, then it drops the family. A crash
// at any point leaves the family or the files; RemoveLeftoverFolders cleans up
// at open.
#ifndef KAPPA_STORAGE_SEALER_H_
#define KAPPA_STORAGE_SEALER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rocksdb/db.h"
#include "storage/sealed_row.h"
#include "storage/sealer_options.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Thread safety: thread-safe; Seal takes long and belongs on a background
// thread.
class Sealer {
 public:
  explicit Sealer(SealerOptions options) : options_(std::move(options)) {}

  // Writes or links the entries that `visible` (SegmentDirectory::VisibleIn)
  // names into a new folder, synced on return. Nothing else changes; on an
  // error the folder is removed as far as possible. A row without files:
  // nothing is visible, so the segment can go altogether. Requires: nobody
  // writes to the family any more. Errors: DATA_LOSS: an entry of a visible
  // range is missing or damaged; RESOURCE_EXHAUSTED: no space, too many open
  // files or no memory: seal later; UNAVAILABLE: the file system.
  absl::StatusOr<SealedRow> Seal(rocksdb::DB* db,
                                 rocksdb::ColumnFamilyHandle* family,
                                 SegmentNumber segment,
                                 absl::Span<const SegmentRange> visible) const;

 private:
  const SealerOptions options_;
};

// Removes every folder under `sealed_root` that none of `rows` names.
absl::Status RemoveLeftoverFolders(const std::string& sealed_root,
                                   absl::Span<const SealedRow> rows);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALER_H_
