#include "server/chunk_cache.h"

#include <iterator>

#include "proto/wire/check.h"

namespace kappa::server {

Chunk ChunkCache::Find(ReplicaNumber replica, LogIndex index) {
  MutexLock lock(&mutex_);
  auto found = chunks_.upper_bound({replica, index});
  if (found == chunks_.begin()) return nullptr;
  --found;
  const Order::iterator held = found->second;
  if (held->key.first != replica || held->chunk->back().header.index < index) {
    return nullptr;
  }
  order_.splice(order_.begin(), order_, held);
  ++hits_;
  return held->chunk;
}

void ChunkCache::Add(ReplicaNumber replica,
                     std::vector<storage::StoredEntry> entries_in_order) {
  KAPPA_CHECK(!entries_in_order.empty(), "a chunk holds something");
  size_t bytes = 0;
  for (const storage::StoredEntry& entry : entries_in_order) {
    bytes += sizeof(entry) + entry.payload.bytes();
  }
  if (bytes > bytes_max_) return;
  const Key key{replica, entries_in_order.front().header.index};
  MutexLock lock(&mutex_);
  const auto same = chunks_.find(key);
  if (same != chunks_.end()) EraseLocked(same->second);
  order_.push_front({key,
                     std::make_shared<const std::vector<storage::StoredEntry>>(
                         std::move(entries_in_order)),
                     bytes});
  chunks_[key] = order_.begin();
  bytes_ += bytes;
  while (bytes_ > bytes_max_) EraseLocked(std::prev(order_.end()));
}

void ChunkCache::Drop(ReplicaNumber replica) {
  MutexLock lock(&mutex_);
  auto next = chunks_.lower_bound({replica, LogIndex()});
  while (next != chunks_.end() && next->first.first == replica) {
    const Order::iterator held = next->second;
    ++next;
    EraseLocked(held);
  }
}

void ChunkCache::EraseLocked(Order::iterator held) {
  bytes_ -= held->bytes;
  chunks_.erase(held->key);
  order_.erase(held);
}

size_t ChunkCache::bytes() const {
  MutexLock lock(&mutex_);
  return bytes_;
}

uint64_t ChunkCache::hits() const {
  MutexLock lock(&mutex_);
  return hits_;
}

}  // namespace kappa::server
