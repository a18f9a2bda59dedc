// EntryReader: reads entries wherever they stand: in the families of live
// segments or in the files of sealed ones.
#ifndef KAPPA_STORAGE_ENTRY_READER_H_
#define KAPPA_STORAGE_ENTRY_READER_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "rocksdb/db.h"
#include "storage/log_store.h"
#include "storage/repaired_entries.h"
#include "storage/rocks_database.h"
#include "storage/scan_pool.h"
#include "storage/sealed_segment.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Knows nothing of bases and last indexes: callers ask for what is visible.
//
// Payloads from sealed segments point into blocks that they pin; those from
// live segments are copied, once, because pinning them would pin a whole
// memtable for as long as a slow reader holds one entry.
//
// Thread safety: thread-safe.
class EntryReader {
 public:
  // All must outlive the reader.
  EntryReader(rocksdb::DB* db, const SegmentDirectory* directory,
              ScanPool* scans)
      : db_(db), directory_(directory), scans_(scans) {}

  // What is in `repaired` is read from its rows in the family `meta`, wherever
  // it stands. Both must outlive the reader. Call before anything is read.
  void UseRepaired(const RepairedEntries* repaired,
                   rocksdb::ColumnFamilyHandle* meta) {
    repaired_ = repaired;
    meta_ = meta;
  }
  void AddLive(SegmentNumber segment, Family family);
  // Makes a sealed segment known, in place of its family or of an older
  // generation.
  void PutSealed(std::shared_ptr<SealedSegment> segment);
  // The segment is gone, with all its entries.
  void Remove(SegmentNumber segment);
  // nullptr when it is not sealed (live).
  std::shared_ptr<SealedSegment> Sealed(SegmentNumber segment) const;
  Family Live(SegmentNumber segment) const;
  // Ascending.
  std::vector<SegmentNumber> LiveSegments() const;
  size_t sealed_count() const;

  // Entries [from, last] until their payloads reach `bytes_max`, at least one.
  // An entry that is damaged or missing ends the read before it; if it is the
  // first one, the answer is DATA_LOSS (which DamagedIndexOf names). `epoch` is
  // the replica's (VisibleLog), read before. Requires: from <= last.
  absl::StatusOr<std::vector<StoredEntry>> Read(ReplicaNumber replica,
                                                LogIndex from, LogIndex last,
                                                size_t bytes_max,
                                                ReadClass read_class,
                                                uint64_t epoch) const;
  // Errors: DATA_LOSS: missing or damaged.
  absl::StatusOr<EntryHeader> ReadHeader(ReplicaNumber replica,
                                         LogIndex index) const;
  // Visits the headers of [from, last] in order until `visit` returns an error,
  // which is returned. Payloads are not checked.
  // Errors: DATA_LOSS: missing or damaged; the visitor's.
  absl::Status WalkHeaders(
      ReplicaNumber replica, LogIndex from, LogIndex last,
      absl::FunctionRef<absl::Status(const EntryHeader&)> visit) const;

 private:
  // Where a segment is; exactly one is set, or none when it is gone.
  struct Place {
    Family live;
    std::shared_ptr<SealedSegment> sealed;
  };
  // What is read and how.
  struct Reading {
    ReplicaNumber replica;
    ReadClass read_class = ReadClass::kPoint;
    uint64_t epoch = 0;
  };
  // An entry as it stands on disk. False ends the visit.
  using Visitor = absl::FunctionRef<absl::StatusOr<bool>(
      LogIndex, std::string_view value,
      const std::shared_ptr<const void>& owner)>;

  Place PlaceOf(SegmentNumber segment) const;
  // Visits [from, last] across segments.
  absl::Status Visit(const Reading& reading, LogIndex from, LogIndex last,
                     Visitor visit) const;
  // Visit what one segment holds, from `*next` up to `last`; raise `*next`
  // behind what was visited. False: the visitor ended it.
  absl::StatusOr<bool> VisitOne(const Family& family, const Reading& reading,
                                ReplicaNumber key_replica, LogIndex* next,
                                Visitor visit) const;
  // Likewise one entry, in its own row.
  absl::StatusOr<bool> VisitRepaired(const Reading& reading, LogIndex* next,
                                     Visitor visit) const;
  absl::StatusOr<bool> VisitLive(const Family& family, const Reading& reading,
                                 ReplicaNumber key_replica, LogIndex* next,
                                 LogIndex last, Visitor visit) const;
  absl::StatusOr<bool> ReplayLive(const Family& family, const Reading& reading,
                                  ReplicaNumber key_replica, LogIndex* next,
                                  LogIndex last, Visitor visit) const;
  absl::StatusOr<bool> VisitSealed(const SealedSegment& segment,
                                   const Reading& reading,
                                   ReplicaNumber key_replica, LogIndex* next,
                                   LogIndex last, Visitor visit) const;

  rocksdb::DB* const db_;
  const SegmentDirectory* const directory_;
  ScanPool* const scans_;
  const RepairedEntries* repaired_ = nullptr;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;
  mutable Mutex mutex_;
  std::map<SegmentNumber, Place> places_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ENTRY_READER_H_
