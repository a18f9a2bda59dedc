// SegmentDirectory: which segment holds which entry of a replica.
//
//   segment   row (first)   a read sees
//      1          1          [1, 40)     40: the smallest first of all later
//      2         60          nothing         rows: 60 was truncated away
//      3         40          [40, 90)
//      4         90          [90, ...    up to the replica's last index
//
// A read of segment s sees [max(first of s, base + 1), the smallest first over
// all later segments), capped by the replica's last index (DESIGN.md §3). A row
// that can never be seen again is forgotten at once, so that the rows of a
// replica ascend in segment and in first index: a binary search finds the
// segment of an index.
#ifndef KAPPA_STORAGE_SEGMENT_DIRECTORY_H_
#define KAPPA_STORAGE_SEGMENT_DIRECTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/sealed_row.h"

namespace kappa::storage {

// "Not bounded by a later segment"; the replica's last index is the bound.
inline constexpr LogIndex kOpenEnd{~uint64_t{0}};

// What is visible of one replica in one segment: the indexes [first, end).
struct SegmentRange {
  SegmentNumber segment;
  ReplicaNumber replica;
  ReplicaNumber key_replica;  // the number that the keys carry
  LogIndex first;
  LogIndex end;      // exclusive; kOpenEnd in the replica's newest segment
  DirectoryRow row;  // as stored; row.first <= first
};

// Bounds of a search, both inclusive: the answer is an index in [first, last];
// `last` may be kOpenEnd.
struct IndexBounds {
  LogIndex first;
  LogIndex last;
};

// How much of a sealed segment is still visible. Estimated from entry counts
// where a replica's entries are partly dead.
struct SegmentUsage {
  SegmentNumber segment;
  uint64_t bytes = 0;  // of all entries in its files
  uint64_t live_bytes = 0;
  uint64_t dead_bytes() const {
    return bytes > live_bytes ? bytes - live_bytes : 0;
  }
};

// Memory: 40 bytes for each (segment, replica) that is visible.
//
// Thread safety: thread-safe. Changes are made by the store's writer thread
// after what they describe is durable.
class SegmentDirectory {
 public:
  // --- changes ---

  // Makes a replica known with its base. Rows of unknown replicas are ignored
  // by PutRow and PutSealed, so when opening: first this, then the sealed and
  // the live segments in any order.
  void AddReplica(ReplicaNumber replica, LogIndex base);
  // Forgets a replica and its rows.
  void DropReplica(ReplicaNumber replica);
  // Everything up to `base` is void (InstallBase, trim).
  void SetBase(ReplicaNumber replica, LogIndex base);
  // The replica's entries in `segment` begin at row.first; replaces its row
  // there. When this is due, see RowNeeded.
  void PutRow(SegmentNumber segment, ReplicaNumber replica,
              const DirectoryRow& row);
  // A segment is now (or was, when opening) sealed, or rewritten: takes over
  // sizes and key replicas. Rows that were truncated away meanwhile stay so.
  // (A row of a replica that `row` does not list shows nothing: the replica's
  // next entry brings a row that makes it void.)
  void PutSealed(const SealedRow& row);
  // A sealed segment without visible entries is gone.
  void RemoveSealed(SegmentNumber segment);

  // --- reading ---

  // The row of a replica in a segment, unless it is void.
  std::optional<DirectoryRow> RowIn(SegmentNumber segment,
                                    ReplicaNumber replica) const;
  // The range that holds `index`. nullopt at or below the base, below the
  // replica's first row, or for an unknown replica. An index beyond the
  // replica's last one is located in the newest segment.
  std::optional<SegmentRange> Locate(ReplicaNumber replica,
                                     LogIndex index) const;
  // Where to search for the first entry that ends above `offset`. When every
  // entry of the log is below, the index after the last one is in the bounds.
  // Requires: `offset` is at or above the base's.
  IndexBounds BoundsOfOffset(ReplicaNumber replica, Offset offset) const;
  // Where to search for the first entry with an append time at or after
  // `time_us`; likewise.
  IndexBounds BoundsOfTime(ReplicaNumber replica, int64_t time_us) const;
  // What is visible in `segment`, by replica; empty ranges are left out. Ends
  // are capped by `last`, which gives a replica's last index.
  std::vector<SegmentRange> VisibleIn(
      SegmentNumber segment,
      absl::FunctionRef<LogIndex(ReplicaNumber)> last) const;
  // Every sealed segment, ascending.
  std::vector<SegmentUsage> SealedUsage() const;
  // Rows kept in memory.
  size_t row_count() const;

 private:
  struct Row {
    LogIndex first;
    Offset offset;
    int64_t append_time_us = 0;
    uint32_t segment = 0;
    // Of a sealed segment; 0 in a live one. Saturated.
    uint32_t kibibytes = 0;
    uint32_t entries = 0;
    // 0, or 1 + the place in ReplicaRows::key_replicas.
    uint32_t key_replica = 0;
  };
  static_assert(sizeof(Row) == 40, "thousands of segments times replicas");

  struct ReplicaRows {
    LogIndex base;
    std::vector<Row> rows;  // ascending in segment and in first
    std::vector<ReplicaNumber> key_replicas;
  };

  // Replicas are spread over several locks, so that readers rarely meet.
  static constexpr size_t kStripes = 16;
  struct Stripe {
    mutable Mutex mutex;
    absl::flat_hash_map<ReplicaNumber, ReplicaRows> replicas
        ABSL_GUARDED_BY(mutex);
  };

  Stripe& StripeOf(ReplicaNumber replica) {
    return stripes_[replica.value() % kStripes];
  }
  const Stripe& StripeOf(ReplicaNumber replica) const {
    return stripes_[replica.value() % kStripes];
  }
  static Row* Put(SegmentNumber segment, const DirectoryRow& row,
                  ReplicaRows* rows);
  static void ForgetBelowBase(ReplicaRows* rows);
  static void PutSealedReplica(SegmentNumber segment, const SealedReplica& from,
                               ReplicaRows* rows);
  static SegmentRange RangeAt(ReplicaNumber replica, const ReplicaRows& rows,
                              size_t at);
  static LogIndex EndAt(const ReplicaRows& rows, size_t at);

  std::array<Stripe, kStripes> stripes_;
  mutable Mutex sealed_mutex_;
  // Bytes of all entries in the files of each sealed segment.
  std::map<SegmentNumber, uint64_t> sealed_bytes_
      ABSL_GUARDED_BY(sealed_mutex_);
};

// The row that a change in the active segment calls for, decided on
// `active_row`, the replica's row there (as of all earlier changes, also those
// of the same cycle):
//   truncation from `first`, or an append at `first`: when there is no row, or
//   one that begins above `first`;
//   InstallBase with first = base + 1: always.
inline bool RowNeeded(const std::optional<DirectoryRow>& active_row,
                      LogIndex first) {
  return !active_row.has_value() || active_row->first > first;
}

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEGMENT_DIRECTORY_H_
