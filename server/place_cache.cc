#include "server/place_cache.h"

namespace kappa::server {

void PlaceCache::Remember(ReplicaNumber replica, Offset offset,
                          LogIndex index) {
  const Key key{replica, offset};
  MutexLock lock(&mutex_);
  if (!places_.insert_or_assign(key, index).second) return;
  order_.PushBack(key);
  if (order_.size() > count_max_) places_.erase(order_.PopFront());
}

std::optional<LogIndex> PlaceCache::Find(ReplicaNumber replica,
                                         Offset offset) const {
  MutexLock lock(&mutex_);
  const auto found = places_.find({replica, offset});
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

}  // namespace kappa::server
