// TopicMap: the topics as published to every thread.
#ifndef KAPPA_SERVER_TOPIC_MAP_H_
#define KAPPA_SERVER_TOPIC_MAP_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"
#include "server/topic_snapshot.h"

namespace kappa::server {

// Find takes one of several locks, each held for a hash look-up only; List has
// an ordered copy of its own, so that it keeps nobody from finding.
//
// Thread safety: thread-safe.
class TopicMap {
 public:
  using Snapshot = std::shared_ptr<const TopicSnapshot>;

  // Adds the topic, or replaces the one of its name.
  void Publish(Snapshot topic);
  void Withdraw(std::string_view name);

  // Null when there is none.
  Snapshot Find(std::string_view name) const;
  // At most `count` topics whose name begins with `prefix` and is above
  // `after`, ordered.
  std::vector<Snapshot> List(std::string_view prefix, std::string_view after,
                             size_t count) const;
  size_t size() const;
  // Of all topics.
  size_t partitions() const;

 private:
  struct Stripe {
    mutable Mutex mutex;
    absl::flat_hash_map<std::string, Snapshot> topics ABSL_GUARDED_BY(mutex);
  };

  const Stripe& StripeOf(std::string_view name) const;

  std::array<Stripe, 16> stripes_;
  mutable Mutex mutex_;
  absl::btree_map<std::string, Snapshot> ordered_ ABSL_GUARDED_BY(mutex_);
  size_t partitions_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOPIC_MAP_H_
