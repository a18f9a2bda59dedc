#include "storage/repaired_entries.h"

namespace kappa::storage {

void RepairedEntries::Add(RepairedEntry entry) {
  MutexLock lock(&mutex_);
  entries_[entry.first].insert(entry.second);
  any_.store(true);
  ++revision_;
}

// One without entries is not kept.
void RepairedEntries::Forget(ReplicaNumber replica) {
  const auto found = entries_.find(replica);
  if (found != entries_.end() && found->second.empty()) entries_.erase(found);
  any_.store(!entries_.empty());
}

void RepairedEntries::Remove(absl::Span<const RepairedEntry> entries) {
  if (entries.empty()) return;
  MutexLock lock(&mutex_);
  for (const auto& [replica, index] : entries) {
    const auto found = entries_.find(replica);
    if (found == entries_.end()) continue;
    found->second.erase(index);
    Forget(replica);
  }
}

void RepairedEntries::Cut(ReplicaNumber replica, LogIndex from) {
  if (!any_.load(std::memory_order_acquire)) return;
  MutexLock lock(&mutex_);
  const auto found = entries_.find(replica);
  if (found == entries_.end()) return;
  found->second.erase(found->second.lower_bound(from), found->second.end());
  Forget(replica);
}

std::optional<LogIndex> RepairedEntries::FirstIn(ReplicaNumber replica,
                                                 LogIndex from,
                                                 LogIndex last) const {
  if (!any_.load(std::memory_order_acquire)) return std::nullopt;
  MutexLock lock(&mutex_);
  const auto found = entries_.find(replica);
  if (found == entries_.end()) return std::nullopt;
  const auto first = found->second.lower_bound(from);
  if (first == found->second.end() || *first > last) return std::nullopt;
  return *first;
}

std::vector<RepairedEntry> RepairedEntries::In(ReplicaNumber replica,
                                               LogIndex first,
                                               LogIndex end) const {
  std::vector<RepairedEntry> entries;
  if (!any_.load(std::memory_order_acquire)) return entries;
  MutexLock lock(&mutex_);
  const auto found = entries_.find(replica);
  if (found == entries_.end()) return entries;
  const std::set<LogIndex>& indexes = found->second;
  for (auto at = indexes.lower_bound(first); at != indexes.end() && *at < end;
       ++at) {
    entries.emplace_back(replica, *at);
  }
  return entries;
}

std::vector<RepairedEntry> RepairedEntries::All() const {
  std::vector<RepairedEntry> entries;
  MutexLock lock(&mutex_);
  for (const auto& [replica, indexes] : entries_) {
    for (const LogIndex index : indexes) entries.emplace_back(replica, index);
  }
  return entries;
}

}  // namespace kappa::storage
