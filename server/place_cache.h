// PlaceCache: where sequential readers go on, so that they need no search.
#ifndef KAPPA_SERVER_PLACE_CACHE_H_
#define KAPPA_SERVER_PLACE_CACHE_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "server/ring_queue.h"

namespace kappa::server {

// Remembers, for the places at which reads ended last, which index holds the
// offset. A bounded number of them; the oldest is forgotten first.
//
// Thread safety: thread-safe.
class PlaceCache {
 public:
  explicit PlaceCache(size_t count_max) : count_max_(count_max) {}

  // Entries before `index` end at or before `offset`, the one at `index` (if
  // there is one) begins there.
  void Remember(ReplicaNumber replica, Offset offset, LogIndex index);
  std::optional<LogIndex> Find(ReplicaNumber replica, Offset offset) const;

 private:
  using Key = std::pair<ReplicaNumber, Offset>;

  const size_t count_max_;
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, LogIndex> places_ ABSL_GUARDED_BY(mutex_);
  RingQueue<Key> order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PLACE_CACHE_H_
