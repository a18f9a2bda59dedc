// Distribution: how often a number fell into which of a few fixed ranges.
#ifndef KAPPA_STORAGE_DISTRIBUTION_H_
#define KAPPA_STORAGE_DISTRIBUTION_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kappa::storage {

// What was counted so far. `counts[i]` is of the values in
// (bounds[i - 1], bounds[i]]; the last one, which has no bound, of those above
// all of them.
struct DistributionCounts {
  std::vector<uint64_t> bounds;
  std::vector<uint64_t> counts;
  uint64_t sum = 0;  // of the values
};

// Counts values into `kBounds + 1` ranges.
//
// Thread safety: thread-safe; each number is exact, together they are not one
// moment.
template <size_t kBounds>
class Distribution {
 public:
  // Requires: `bounds` ascend.
  explicit Distribution(const std::array<uint64_t, kBounds>& bounds)
      : bounds_(bounds) {}

  void Record(uint64_t value) {
    const size_t range = static_cast<size_t>(
        std::lower_bound(bounds_.begin(), bounds_.end(), value) -
        bounds_.begin());
    counts_[range].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  DistributionCounts Counts() const {
    DistributionCounts all;
    all.bounds.assign(bounds_.begin(), bounds_.end());
    for (const std::atomic<uint64_t>& count : counts_) {
      all.counts.push_back(count.load(std::memory_order_relaxed));
    }
    all.sum = sum_.load(std::memory_order_relaxed);
    return all;
  }

 private:
  const std::array<uint64_t, kBounds> bounds_;
  std::array<std::atomic<uint64_t>, kBounds + 1> counts_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DISTRIBUTION_H_
