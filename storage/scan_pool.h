// ScanPool: iterators of replays between two reads, so that the next read goes
// on where the last one ended, with what was read ahead.
//
// A segment has a file for each flush, and a new iterator opens and searches
// all of them.
#ifndef KAPPA_STORAGE_SCAN_POOL_H_
#define KAPPA_STORAGE_SCAN_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/rocks_database.h"

namespace kappa::storage {

// An iterator over the entries of one replica in a live segment. It shows the
// entries of the moment of its creation.
//
// Thread safety: thread-compatible.
class LiveScan {
 public:
  // Begins at `from`. `epoch` is the replica's (VisibleLog), `generation` the
  // pool's; both read before.
  LiveScan(rocksdb::DB* db, Family family, ReplicaNumber replica, LogIndex from,
           uint64_t epoch, uint64_t generation);
  LiveScan(const LiveScan&) = delete;
  LiveScan& operator=(const LiveScan&) = delete;

  rocksdb::Iterator& iterator() { return *iterator_; }
  // The replica's last visible index when it was made: what it shows above may
  // be left from before a truncation, and replaced since without a new epoch.
  void set_last(LogIndex last) { last_ = last; }
  LogIndex last() const { return last_; }
  // Whether it stands on the entry at `index`, which it may show.
  bool StandsOn(LogIndex index) const;

 private:
  friend class ScanPool;
  const Family family_;
  const ReplicaNumber replica_;
  const uint64_t epoch_;
  const uint64_t generation_;
  LogIndex last_{~uint64_t{0}};
  const EntryKey end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool idle_ = false;  // since the last DropIdle
};

// An iterator keeps memtables and files alive: the pool is emptied by every
// flush, holds few, and lets go of those that nobody came back for.
//
// Thread safety: thread-safe.
class ScanPool {
 public:
  static constexpr size_t kScansMax = 16;

  // A scan that stands on `next` in that family, made under that epoch; nullptr
  // if there is none.
  std::unique_ptr<LiveScan> Take(const Family& family, ReplicaNumber replica,
                                 LogIndex next, uint64_t epoch);
  void Give(std::unique_ptr<LiveScan> scan);
  // A flush replaced memtables: scans made before are not kept any more.
  void DropAll();
  // Drops scans that were not used since the last call.
  void DropIdle();
  size_t size() const;
  uint64_t generation() const;

 private:
  mutable Mutex mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<LiveScan>> scans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SCAN_POOL_H_
