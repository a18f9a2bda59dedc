// Opens the database of a data directory for writing, after everything that was
// promised has been found in it without touching a file (RELIABILITY.md S3).
#ifndef KAPPA_STORAGE_VERIFIED_OPEN_H_
#define KAPPA_STORAGE_VERIFIED_OPEN_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "storage/data_directory.h"
#include "storage/recovered_state.h"
#include "storage/rocks_database.h"
#include "storage/sst_reader_cache.h"
#include "storage/watermark.h"

namespace kappa::storage {

struct VerifiedDatabase {
  std::unique_ptr<RocksDatabase> database;
  RecoveredState state;
  WatermarkSlots watermark;
  bool torn_tail = false;
  // The log ended before the watermark's cycle; the copy of that was written
  // behind it.
  bool continued = false;
  uint64_t entries_walked = 0;
};

// Requires: the directory is not fresh.
// Errors: DATA_LOSS: something is gone; the message names the directory, what
// is lost, the watermark against the recovered position. No file was changed.
absl::StatusOr<VerifiedDatabase> OpenVerified(const DataDirectory& directory,
                                              const RocksSettings& settings,
                                              SstReaderCache* readers);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_VERIFIED_OPEN_H_
