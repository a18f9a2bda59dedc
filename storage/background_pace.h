// BackgroundPace: how fast flushes and seals write, by how fast the log grows.
//
// A flush that writes as fast as it can lets no sync through meanwhile. It has
// the time that the next memtable takes to fill; so it gets a rate that follows
// what is appended: three times that, for the flush, a seal, and some to spare.
#ifndef KAPPA_STORAGE_BACKGROUND_PACE_H_
#define KAPPA_STORAGE_BACKGROUND_PACE_H_

#include <chrono>
#include <cstdint>

#include "rocksdb/rate_limiter.h"

namespace kappa::storage {

// Thread safety: thread-compatible.
class BackgroundPace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Slower it never gets, unless the highest rate is lower.
  static constexpr uint64_t kBytesPerSecondMin = uint64_t{48} << 20;

  // `limiter` outlives this, and starts at the highest rate,
  // `bytes_per_second_max`.
  BackgroundPace(rocksdb::RateLimiter* limiter, uint64_t bytes_per_second_max)
      : limiter_(limiter), max_(bytes_per_second_max), set_(max_) {}

  // `bytes` were appended by `now`. Follows a load that grows within a tenth of
  // a second; the highest one of the last second or two counts.
  void Note(uint64_t bytes, Time now);

 private:
  rocksdb::RateLimiter* const limiter_;
  const uint64_t max_;
  uint64_t set_;
  Time since_;           // of `bytes_`; the epoch: nothing was noted yet
  uint64_t bytes_ = 0;   // appended since
  double appended_ = 0;  // bytes a second, the highest, fading
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_BACKGROUND_PACE_H_
