// RepairedEntries: which entries stand, whole, in rows of their own, because
// what their segment holds of them is damaged (RELIABILITY.md S7).
//
//   segment 3   ... 40 41 [42 43] 44 45 ...     damaged: 42, 43
//   meta               X 42, X 43               what readers get
//
// Such a row stays until the segment's files have been written anew with it.
#ifndef KAPPA_STORAGE_REPAIRED_ENTRIES_H_
#define KAPPA_STORAGE_REPAIRED_ENTRIES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// The key of an entry that has a row of its own.
using RepairedEntry = std::pair<ReplicaNumber, LogIndex>;

// Follows what is durable: changed by the store's writer thread after the rows
// are. While nothing is repaired, nobody waits for a lock.
//
// Thread safety: thread-safe.
class RepairedEntries {
 public:
  void Add(RepairedEntry entry);
  // Their rows are gone.
  void Remove(absl::Span<const RepairedEntry> entries);
  // What the replica has at and above `from` is gone.
  void Cut(ReplicaNumber replica, LogIndex from);

  // The lowest one of the replica in [from, last].
  std::optional<LogIndex> FirstIn(ReplicaNumber replica, LogIndex from,
                                  LogIndex last) const;
  // All of the replica in [first, end), ascending.
  std::vector<RepairedEntry> In(ReplicaNumber replica, LogIndex first,
                                LogIndex end) const;
  std::vector<RepairedEntry> All() const;
  // Rises with each Add.
  uint64_t revision() const { return revision_.load(); }

 private:
  void Forget(ReplicaNumber replica) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<bool> any_{false};
  std::atomic<uint64_t> revision_{0};
  mutable Mutex mutex_;
  std::map<ReplicaNumber, std::set<LogIndex>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPAIRED_ENTRIES_H_
