// ReplicaTable: the replicas of a data directory and where their logs stand.
#ifndef KAPPA_STORAGE_REPLICA_TABLE_H_
#define KAPPA_STORAGE_REPLICA_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::storage {

// What a reader may see of a log: the indexes (base, last]. `epoch` changes
// whenever an entry in there may have been replaced: what was read under
// another epoch must be read again.
struct VisibleLog {
  LogIndex base;
  Offset base_offset;
  LogIndex last;
  uint64_t epoch = 0;
};

// Positions are of what is durable.
//
// Thread safety: thread-safe. Changed by the writer thread only.
class ReplicaTable {
 public:
  void Add(ReplicaNumber number, ReplicaSpec spec, ReplicaPosition position);
  void Remove(ReplicaNumber number);
  // Hides entries above `last` before they are overwritten on disk.
  void Hide(ReplicaNumber number, LogIndex last);
  // Publishes new positions, all at once, and shows what they cover.
  // Requires: the replicas are in the table.
  void Publish(
      absl::Span<const std::pair<ReplicaNumber, ReplicaPosition>> positions);

  // Ordered by number.
  std::vector<ReplicaInfo> List() const;
  std::optional<ReplicaPosition> Position(ReplicaNumber number) const;
  std::optional<ReplicaSpec> Spec(ReplicaNumber number) const;
  std::optional<VisibleLog> Visible(ReplicaNumber number) const;
  // 0 for an unknown replica.
  LogIndex Last(ReplicaNumber number) const;
  size_t size() const;

 private:
  struct Replica {
    ReplicaSpec spec;
    ReplicaPosition position;
    LogIndex visible_last;
    uint64_t epoch = 0;
  };

  mutable Mutex mutex_;
  absl::flat_hash_map<ReplicaNumber, Replica> replicas_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPLICA_TABLE_H_
