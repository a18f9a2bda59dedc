#include "storage/unnamed_sessions.h"

#include <algorithm>

namespace kappa::storage {

std::optional<Uuid> UnnamedSessions::Touch(const Uuid& id, LogIndex index,
                                           Offset next_offset) {
  const auto [it, added] = sessions_.try_emplace(id);
  if (!added) by_last_use_.erase(it->second.last_index);
  it->second = {index, next_offset};
  by_last_use_[index] = id;
  if (sessions_.size() <= sessions_max_) return std::nullopt;
  const auto oldest = by_last_use_.begin();
  const Uuid evicted = oldest->second;
  const auto session = sessions_.find(evicted);
  evicted_offset_ = std::max(evicted_offset_, session->second.next_offset);
  sessions_.erase(session);
  by_last_use_.erase(oldest);
  return evicted;
}

}  // namespace kappa::storage
