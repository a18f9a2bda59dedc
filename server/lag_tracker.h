// LagTracker: tells a replica that stays behind from one that is on its way.
#ifndef KAPPA_SERVER_LAG_TRACKER_H_
#define KAPPA_SERVER_LAG_TRACKER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "proto/wire/mutex.h"
#include "proto/wire/types.h"

namespace kappa::server {

// Told of each replica now and then. It stays behind when it lacks what was
// committed kLagUs before: under load every replica lacks the newest entries.
//
// Bound: replicas that lack something, of the groups that this node leads.
// Thread safety: thread-safe.
class LagTracker {
 public:
  static constexpr int64_t kLagUs = 2'000'000;

  // The replica on `node` has everything up to `match` of what is committed up
  // to `committed`. Returns since when it has stayed behind, by `now_us`;
  // nullopt: it has not.
  std::optional<int64_t> Note(GroupId group, NodeId node, LogIndex match,
                              LogIndex committed, int64_t now_us) {
    MutexLock lock(&mutex_);
    const std::pair<GroupId, NodeId> key(group, node);
    if (match >= committed) {
      behind_.erase(key);
      return std::nullopt;
    }
    auto [found, added] = behind_.try_emplace(key, Behind{now_us, committed});
    if (match >= found->second.committed) {
      found->second = {now_us, committed};
    }
    const int64_t since_us = found->second.since_us;
    if (now_us - since_us < kLagUs) return std::nullopt;
    return since_us;
  }

 private:
  struct Behind {
    int64_t since_us = 0;
    LogIndex committed;  // at that time
  };

  Mutex mutex_;
  std::map<std::pair<GroupId, NodeId>, Behind> behind_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LAG_TRACKER_H_
