// SealedSegment: reads entries out of the immutable files of one segment.
#ifndef KAPPA_STORAGE_SEALED_SEGMENT_H_
#define KAPPA_STORAGE_SEALED_SEGMENT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "rocksdb/iterator.h"
#include "storage/log_store.h"
#include "storage/sealed_row.h"
#include "storage/sst_reader_cache.h"

namespace kappa::storage {

// A value as it stands in a file; the bytes live as long as `owner`.
struct PinnedValue {
  std::string_view value;
  std::shared_ptr<const void> owner;
};

class SealedSegment;

// Walks over the entries of one replica in a sealed segment, by index.
//
//   for (; cursor.Valid(); cursor.Next()) Use(cursor.index(), cursor.value());
//   return cursor.status();
//
// Keeps every block that it passed in memory until it goes: not for scans
// without bound.
//
// Thread safety: thread-compatible.
class SealedCursor {
 public:
  SealedCursor(SealedCursor&&) = default;
  SealedCursor& operator=(SealedCursor&&) = default;

  // False at the end, or when status() is not OK.
  bool Valid() const { return valid_; }
  void Next();
  // Requires: Valid().
  LogIndex index() const { return index_; }
  std::string_view value() const { return value_; }
  // Keeps what value() gives, now and for earlier entries, alive; it may be
  // another one after Next().
  const std::shared_ptr<const void>& owner() const { return owner_; }
  // Errors: DATA_LOSS: a block or a file is damaged or missing.
  const absl::Status& status() const { return status_; }

 private:
  friend class SealedSegment;
  SealedCursor(std::shared_ptr<const SealedSegment> segment,
               ReplicaNumber key_replica, LogIndex from, LogIndex last,
               ReadClass read_class);

  // Goes to the first entry at or above next_; tries file after file.
  void Settle();
  bool OpenNextPiece();

  std::shared_ptr<const SealedSegment> segment_;
  ReplicaNumber key_replica_;
  LogIndex next_;  // first index not given yet
  LogIndex last_;  // inclusive
  ReadClass read_class_ = ReadClass::kPoint;

  LogIndex piece_last_;  // the iterator is good up to here, inclusive
  rocksdb::Iterator* iterator_ = nullptr;  // within owner_
  std::shared_ptr<const void> owner_;
  bool valid_ = false;
  LogIndex index_;
  std::string_view value_;
  absl::Status status_;
};

// Immutable; files are opened when they are first read. Must be held by a
// shared_ptr: cursors keep it alive, and so its files.
//
// Thread safety: thread-safe.
class SealedSegment : public std::enable_shared_from_this<SealedSegment> {
 public:
  // `sealed_root` is DIR/sealed; `readers` must outlive the segment.
  static std::shared_ptr<SealedSegment> Create(std::string_view sealed_root,
                                               const SealedRow& row,
                                               SstReaderCache* readers);
  // Removes the files if RemoveFilesAtEnd() was called.
  ~SealedSegment();

  SegmentNumber number() const { return number_; }
  uint32_t generation() const { return generation_; }
  const std::string& folder() const { return folder_; }

  // The value of one entry; nullopt when the files do not hold it.
  // Errors: DATA_LOSS: a block or a file is damaged or missing.
  absl::StatusOr<std::optional<PinnedValue>> Get(ReplicaNumber key_replica,
                                                 LogIndex index) const;
  // A cursor at the first entry in [from, last] (both inclusive); a hole in the
  // files is passed over, the caller compares indexes.
  SealedCursor Scan(ReplicaNumber key_replica, LogIndex from, LogIndex last,
                    ReadClass read_class) const;

  // After this segment was replaced by a rewritten one: its folder goes when
  // its last user does.
  void RemoveFilesAtEnd() { remove_files_.store(true); }

 private:
  friend class SealedCursor;
  // Part of a scan that lies in one file.
  struct Piece {
    size_t file = 0;
    LogIndex last;  // inclusive
  };
  struct FileBounds {
    std::string path;
    ReplicaNumber first_replica;
    LogIndex first_index;
    ReplicaNumber last_replica;
    LogIndex last_index;
  };

  SealedSegment(std::string_view sealed_root, const SealedRow& row,
                SstReaderCache* readers);

  // The file that holds `from`, or the next index above it, and how far it may
  // be read; `from` is raised over what no file can hold. nullopt when there is
  // nothing up to `last`.
  std::optional<Piece> FindPiece(ReplicaNumber key_replica, LogIndex* from,
                                 LogIndex last) const;
  std::optional<Piece> FindInSorted(ReplicaNumber key_replica, LogIndex* from,
                                    LogIndex last) const;
  std::optional<Piece> FindInRuns(ReplicaNumber key_replica, LogIndex* from,
                                  LogIndex last) const;

  const SegmentNumber number_;
  const uint32_t generation_;
  const std::string folder_;
  SstReaderCache* const readers_;
  std::vector<FileBounds> files_;
  std::vector<SealedRun> runs_;
  std::atomic<bool> remove_files_ = false;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALED_SEGMENT_H_
