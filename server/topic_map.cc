#include "server/topic_map.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "proto/wire/string_view.h"

namespace kappa::server {

const TopicMap::Stripe& TopicMap::StripeOf(std::string_view name) const {
  return stripes_[std::hash<std::string_view>()(name) % stripes_.size()];
}

void TopicMap::Publish(Snapshot topic) {
  const std::string& name = topic->topic.name();
  {
    MutexLock lock(&mutex_);
    Snapshot& slot = ordered_[name];
    if (slot != nullptr) partitions_ -= slot->groups.size();
    slot = topic;
    partitions_ += topic->groups.size();
  }
  Stripe& stripe = const_cast<Stripe&>(StripeOf(name));
  MutexLock lock(&stripe.mutex);
  stripe.topics[name] = topic;
}

void TopicMap::Withdraw(std::string_view name) {
  {
    MutexLock lock(&mutex_);
    const auto found = ordered_.find(ToAbsl(name));
    if (found == ordered_.end()) return;
    partitions_ -= found->second->groups.size();
    ordered_.erase(found);
  }
  Stripe& stripe = const_cast<Stripe&>(StripeOf(name));
  MutexLock lock(&stripe.mutex);
  stripe.topics.erase(ToAbsl(name));
}

TopicMap::Snapshot TopicMap::Find(std::string_view name) const {
  const Stripe& stripe = StripeOf(name);
  MutexLock lock(&stripe.mutex);
  const auto found = stripe.topics.find(ToAbsl(name));
  return found == stripe.topics.end() ? nullptr : found->second;
}

std::vector<TopicMap::Snapshot> TopicMap::List(std::string_view prefix,
                                               std::string_view after,
                                               size_t count) const {
  std::vector<Snapshot> found;
  MutexLock lock(&mutex_);
  auto next = after < prefix ? ordered_.lower_bound(ToAbsl(prefix))
                             : ordered_.upper_bound(ToAbsl(after));
  // An empty `after` is below every name, also below an empty prefix's first.
  for (; next != ordered_.end() && found.size() < count; ++next) {
    if (!std::string_view(next->first).starts_with(prefix)) break;
    found.push_back(next->second);
  }
  return found;
}

size_t TopicMap::size() const {
  MutexLock lock(&mutex_);
  return ordered_.size();
}

size_t TopicMap::partitions() const {
  MutexLock lock(&mutex_);
  return partitions_;
}

}  // namespace kappa::server
