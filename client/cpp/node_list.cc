#include "client/cpp/node_list.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::client {

NodeList::NodeList(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {
  KAPPA_CHECK(!seeds_.empty(), "no seeds");
}

std::string NodeList::Current() const {
  MutexLock lock(&mutex_);
  return At(current_);
}

void NodeList::Choose(size_t index) {
  MutexLock lock(&mutex_);
  current_ = index;
}

void NodeList::Learn(const std::string& address) {
  MutexLock lock(&mutex_);
  if (learnt_.size() >= kLearntMax ||
      std::count(seeds_.begin(), seeds_.end(), address) > 0 ||
      std::count(learnt_.begin(), learnt_.end(), address) > 0) {
    return;
  }
  learnt_.push_back(address);
}

bool NodeList::IsFresh(const std::string& address, absl::Time now) const {
  const auto found = failed_at_.find(address);
  return found == failed_at_.end() || now - found->second >= kFailedFor;
}

void NodeList::LeaveCurrent(absl::Time now) {
  const size_t seeds = seeds_.size();
  // From a learnt one back to the seeds.
  const size_t first = current_ < seeds ? current_ + 1 : 0;
  for (size_t i = 0; i < seeds; ++i) {
    const size_t next = (first + i) % seeds;
    if (next != current_ && IsFresh(seeds_[next], now)) {
      current_ = next;
      return;
    }
  }
  for (size_t i = 0; i < learnt_.size(); ++i) {
    if (seeds + i != current_ && IsFresh(learnt_[i], now)) {
      current_ = seeds + i;
      return;
    }
  }
  current_ = first % seeds;
}

void NodeList::MoveOn(const std::string& address, absl::Time now) {
  MutexLock lock(&mutex_);
  if (At(current_) == address) LeaveCurrent(now);
}

void NodeList::NoteFailure(const std::string& address, absl::Time now) {
  MutexLock lock(&mutex_);
  failed_at_[address] = now;
  if (At(current_) == address) LeaveCurrent(now);
}

bool NodeList::FailedLately(const std::string& address, absl::Time now) const {
  MutexLock lock(&mutex_);
  return !IsFresh(address, now);
}

}  // namespace kappa::client
