#include "storage/replica_table.h"

#include <algorithm>

#include "proto/wire/check.h"

namespace kappa::storage {

void ReplicaTable::Add(ReplicaNumber number, ReplicaSpec spec,
                       ReplicaPosition position) {
  Replica replica;
  replica.spec = std::move(spec);
  replica.visible_last = position.last.index;
  replica.position = std::move(position);
  MutexLock lock(&mutex_);
  const bool added = replicas_.emplace(number, std::move(replica)).second;
  KAPPA_CHECK(added, "a replica number was given twice");
}

void ReplicaTable::Remove(ReplicaNumber number) {
  MutexLock lock(&mutex_);
  replicas_.erase(number);
}

void ReplicaTable::Hide(ReplicaNumber number, LogIndex last) {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(number);
  KAPPA_CHECK(found != replicas_.end(), "a write to an unknown replica");
  Replica& replica = found->second;
  replica.visible_last = std::min(replica.visible_last, last);
  ++replica.epoch;
}

void ReplicaTable::Publish(
    absl::Span<const std::pair<ReplicaNumber, ReplicaPosition>> positions) {
  MutexLock lock(&mutex_);
  for (const auto& [number, position] : positions) {
    const auto found = replicas_.find(number);
    KAPPA_CHECK(found != replicas_.end(), "a write to an unknown replica");
    found->second.position = position;
    found->second.visible_last = position.last.index;
  }
}

std::vector<ReplicaInfo> ReplicaTable::List() const {
  std::vector<ReplicaInfo> list;
  {
    MutexLock lock(&mutex_);
    list.reserve(replicas_.size());
    for (const auto& [number, replica] : replicas_) {
      list.push_back({number, replica.spec});
    }
  }
  std::sort(list.begin(), list.end(),
            [](const ReplicaInfo& a, const ReplicaInfo& b) {
              return a.number < b.number;
            });
  return list;
}

std::optional<ReplicaPosition> ReplicaTable::Position(
    ReplicaNumber number) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(number);
  if (found == replicas_.end()) return std::nullopt;
  return found->second.position;
}

std::optional<ReplicaSpec> ReplicaTable::Spec(ReplicaNumber number) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(number);
  if (found == replicas_.end()) return std::nullopt;
  return found->second.spec;
}

std::optional<VisibleLog> ReplicaTable::Visible(ReplicaNumber number) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(number);
  if (found == replicas_.end()) return std::nullopt;
  const Replica& replica = found->second;
  VisibleLog visible;
  visible.base = replica.position.base.id.index;
  visible.base_offset = replica.position.base.offset;
  visible.last = replica.visible_last;
  visible.epoch = replica.epoch;
  return visible;
}

LogIndex ReplicaTable::Last(ReplicaNumber number) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(number);
  return found == replicas_.end() ? LogIndex(0)
                                  : found->second.position.last.index;
}

size_t ReplicaTable::size() const {
  MutexLock lock(&mutex_);
  return replicas_.size();
}

}  // namespace kappa::storage
