// DirectoryView: a data directory that nobody serves, opened for looking alone,
// as far as it can be.
#ifndef KAPPA_STORAGE_DIRECTORY_VIEW_H_
#define KAPPA_STORAGE_DIRECTORY_VIEW_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "rocksdb/cache.h"
#include "storage/data_directory.h"
#include "storage/entry_reader.h"
#include "storage/log_store.h"
#include "storage/recovered_state.h"
#include "storage/repaired_entries.h"
#include "storage/rocks_database.h"
#include "storage/scan_pool.h"
#include "storage/segment_directory.h"
#include "storage/sst_reader_cache.h"
#include "storage/watermark.h"

namespace kappa::storage {

// What a view holds of one replica.
struct ViewedReplica {
  ReplicaNumber number;
  ReplicaSpec spec;
  // Absent: its group row is missing.
  std::optional<ReplicaPosition> position;
};

// Changes nothing in the directory, not even RocksDB's own log. As long as it
// lives no kappad can open the directory.
//
// Thread safety: thread-compatible.
class DirectoryView {
 public:
  // Errors: NOT_FOUND: no such directory, or nothing was stored there;
  // FAILED_PRECONDITION: in use; UNAVAILABLE, RESOURCE_EXHAUSTED: it cannot be
  // read now, which is no damage. Damage is no error: see the accessors.
  static absl::StatusOr<std::unique_ptr<DirectoryView>> Open(
      const std::string& path);

  const std::string& path() const { return directory_->path(); }
  const DataDirectory& directory() const { return *directory_; }
  const absl::StatusOr<WatermarkSlots>& watermark() const { return watermark_; }
  // Whether RocksDB can read the database as kappad does; else why not. A torn
  // end of the log, which was never acknowledged, is no fault.
  const absl::Status& database_status() const { return database_status_; }
  bool torn_tail() const { return torn_tail_; }
  // Whether the rest can be used: the database was read, perhaps in part.
  bool readable() const { return entries_ != nullptr; }

  // --- Requires: readable() ---

  const RecoveredState& state() const { return state_; }
  RocksDatabase* database() const { return database_.get(); }
  const EntryReader& entries() const { return *entries_; }
  // Every promise of RELIABILITY.md S2 and S3 that is broken; empty if none.
  std::vector<absl::Status> BrokenPromises() const;
  // Whether the log ends before the watermark's cycle and the watermark holds a
  // copy of it, which a start would put into the log. What is shown here ends
  // before it.
  bool LastCycleIsCopied() const;
  // Those that were not dropped, by number.
  std::vector<ViewedReplica> Replicas() const;
  // Entries [from, last] of a replica until their payloads reach 1 MiB.
  // Errors: as EntryReader::Read.
  absl::StatusOr<std::vector<StoredEntry>> Read(ReplicaNumber replica,
                                                LogIndex from,
                                                LogIndex last) const;
  // Visits side rows by key until `visit` returns false.
  // Errors: DATA_LOSS: damaged.
  absl::Status ScanSideRows(
      SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const;

 private:
  explicit DirectoryView(std::unique_ptr<DataDirectory> directory);
  // Opens the database in one way; OK when it could be read altogether.
  absl::Status OpenDatabase(DatabaseOpenMode mode);
  void OpenSegments();

  const std::unique_ptr<DataDirectory> directory_;
  absl::StatusOr<WatermarkSlots> watermark_;
  absl::Status database_status_;
  bool torn_tail_ = false;

  std::shared_ptr<rocksdb::Cache> block_cache_;
  SstReaderCache readers_;
  std::unique_ptr<RocksDatabase> database_;
  RecoveredState state_;
  std::unique_ptr<SegmentDirectory> segments_;
  ScanPool scans_;
  RepairedEntries repaired_;
  std::unique_ptr<EntryReader> entries_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DIRECTORY_VIEW_H_
