#include "client/cpp/leader_cache.h"

namespace kappa::client {

std::optional<std::string> LeaderCache::Find(std::string_view topic,
                                             uint32_t partition) const {
  MutexLock lock(&mutex_);
  const auto found = leaders_.find(Key(topic, partition));
  if (found == leaders_.end()) return std::nullopt;
  return found->second;
}

void LeaderCache::Set(std::string_view topic, uint32_t partition,
                      std::string address) {
  MutexLock lock(&mutex_);
  leaders_[Key(topic, partition)] = std::move(address);
}

void LeaderCache::Forget(std::string_view topic, uint32_t partition,
                         const std::string& address) {
  MutexLock lock(&mutex_);
  const auto found = leaders_.find(Key(topic, partition));
  if (found != leaders_.end() && found->second == address) {
    leaders_.erase(found);
  }
}

void LeaderCache::ForgetNode(const std::string& address) {
  MutexLock lock(&mutex_);
  absl::erase_if(leaders_, [&address](const auto& leader) {
    return leader.second == address;
  });
}

}  // namespace kappa::client
