// RocksDatabase: an open RocksDB with the families of a data directory.
#ifndef KAPPA_STORAGE_ROCKS_DATABASE_H_
#define KAPPA_STORAGE_ROCKS_DATABASE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "rocksdb/db.h"
#include "storage/log_store.h"
#include "storage/rocks_options.h"

namespace kappa::storage {

// A family stays readable as long as somebody holds it, even when dropped.
using Family = std::shared_ptr<rocksdb::ColumnFamilyHandle>;

// How an existing database is opened.
struct DatabaseOpenMode {
  // Nothing on disk is changed, not even RocksDB's own log.
  bool read_only = false;
  // Ends at the first damaged record of the log; else such a record is an error
  // unless it is the last one.
  bool point_in_time = false;
  // Passes over damaged records of the log and takes what there is. Only for
  // looking at a directory that cannot be opened otherwise. (A closed log that
  // is missing or cut is an error all the same: RocksDB 7.8 cannot open
  // read-only without that check.)
  // Requires: read_only.
  bool salvage = false;
};

// Thread safety: thread-safe. Families must be let go before the database.
class RocksDatabase {
 public:
  // Makes a new database with all families and segment 1, synced on return.
  static absl::Status Create(const std::string& path,
                             const RocksSettings& settings);
  // Errors: DATA_LOSS: damaged or incomplete; FAILED_PRECONDITION: unknown
  // families, or options that would lose data; UNAVAILABLE: the file system.
  static absl::StatusOr<std::unique_ptr<RocksDatabase>> Open(
      const std::string& path, const RocksSettings& settings,
      DatabaseOpenMode mode);

  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* meta() const { return meta_.get(); }
  rocksdb::ColumnFamilyHandle* side(SideTable table) const {
    return table == SideTable::kMetadata ? side_metadata_.get()
                                         : side_producers_.get();
  }
  // Visits the rows of a side table whose keys begin with `prefix`, by key,
  // until `visit` returns false.
  // Errors: DATA_LOSS: damaged; and what the file system says.
  absl::Status ScanSideRows(
      const rocksdb::ReadOptions& options, SideTable table,
      std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const;
  // Segments that were families when the database was opened, given away.
  std::map<SegmentNumber, Family> TakeSegments();

  // Whether writes are slowed or stopped now, because flushes lag behind.
  // Cheap. (The events that a listener gets may come in another order than they
  // happened, and never for a family that is dropped meanwhile.)
  bool WritesStalled() const;

  absl::StatusOr<Family> CreateSegment(SegmentNumber segment);
  // The family's files go when its last holder lets go of it.
  absl::Status DropSegment(const Family& family);

 private:
  RocksDatabase(std::string path, RocksSettings settings);
  // Takes over the handles that an open gave.
  absl::Status AdoptFamilies(
      const std::vector<rocksdb::ColumnFamilyHandle*>& handles);
  absl::Status CheckOptions() const;
  Family Own(rocksdb::ColumnFamilyHandle* handle) const;

  const std::string path_;
  const RocksSettings settings_;
  // Declared first, so destroyed after the families.
  std::shared_ptr<rocksdb::DB> db_;
  Family meta_;
  Family side_metadata_;
  Family side_producers_;
  std::map<SegmentNumber, Family> segments_;
};

// "segment-17".
std::string SegmentFamilyName(SegmentNumber segment);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_DATABASE_H_
