// ChunkCache: pieces of logs that one reader read and the next ones share.
#ifndef KAPPA_SERVER_CHUNK_CACHE_H_
#define KAPPA_SERVER_CHUNK_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::server {

// Consecutive committed entries of one replica; never empty.
using Chunk = std::shared_ptr<const std::vector<storage::StoredEntry>>;

// Keeps the chunks read or used last, up to a budget.
//
// Thread safety: thread-safe.
class ChunkCache {
 public:
  explicit ChunkCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // The chunk that holds the entry at `index`, or null.
  Chunk Find(ReplicaNumber replica, LogIndex index);
  // Requires: `entries` is not empty.
  void Add(ReplicaNumber replica,
           std::vector<storage::StoredEntry> entries_in_order);
  void Drop(ReplicaNumber replica);

  size_t bytes() const;
  // Times that Find found something.
  uint64_t hits() const;

 private:
  using Key = std::pair<ReplicaNumber, LogIndex>;  // of the first entry
  struct Held {
    Key key;
    Chunk chunk;
    size_t bytes = 0;
  };
  using Order = std::list<Held>;

  void EraseLocked(Order::iterator held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t bytes_max_;
  mutable Mutex mutex_;
  Order order_ ABSL_GUARDED_BY(mutex_);  // used last: front
  std::map<Key, Order::iterator> chunks_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t hits_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CHUNK_CACHE_H_
