#include "tests/checker/reach_index.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kappa::checker {

ReachIndex::ReachIndex(std::vector<Reach> reaches)
    : reaches_(std::move(reaches)), earliest_(reaches_.size()) {
  std::sort(reaches_.begin(), reaches_.end(),
            [](const Reach& a, const Reach& b) { return a.end < b.end; });
  for (size_t i = reaches_.size(); i-- > 0;) {
    earliest_[i] = i;
    if (i + 1 == reaches_.size()) continue;
    const size_t later = earliest_[i + 1];
    if (reaches_[later].time_us < reaches_[i].time_us) earliest_[i] = later;
  }
}

const Reach* ReachIndex::EarliestPast(uint64_t end) const {
  const auto found = std::upper_bound(
      reaches_.begin(), reaches_.end(), end,
      [](uint64_t e, const Reach& reach) { return e < reach.end; });
  if (found == reaches_.end()) return nullptr;
  return &reaches_[earliest_[found - reaches_.begin()]];
}

}  // namespace kappa::checker
