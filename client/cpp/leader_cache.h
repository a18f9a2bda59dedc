// LeaderCache: who leads which partition, as last heard.
#ifndef KAPPA_CLIENT_CPP_LEADER_CACHE_H_
#define KAPPA_CLIENT_CPP_LEADER_CACHE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Fed by the metadata of NOT_LEADER. A hint only: a wrong one costs a round
// trip. Bounded by the number of partitions that the client talks to.
//
// Thread safety: thread-safe.
class LeaderCache {
 public:
  // The leader's HOST:PORT; nullopt when it is not known.
  std::optional<std::string> Find(std::string_view topic,
                                  uint32_t partition) const;
  void Set(std::string_view topic, uint32_t partition, std::string address);
  // Forgets the leader, but only if it is still `address`.
  void Forget(std::string_view topic, uint32_t partition,
              const std::string& address);
  // Forgets that `address` leads anything.
  void ForgetNode(const std::string& address);

 private:
  using Key = std::pair<std::string, uint32_t>;

  mutable Mutex mutex_;
  absl::flat_hash_map<Key, std::string> leaders_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_LEADER_CACHE_H_
