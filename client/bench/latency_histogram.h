// LatencyHistogram: many durations in little memory, quantiles to within 1 %.
#ifndef KAPPA_CLIENT_BENCH_LATENCY_HISTOGRAM_H_
#define KAPPA_CLIENT_BENCH_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace kappa::bench {

// Buckets of equal width (1/128 of the value) from 1 µs to 2^40 µs.
//
// Thread safety: thread-compatible.
class LatencyHistogram {
 public:
  // Negative durations count as 0.
  void Record(int64_t us);
  uint64_t count() const { return count_; }
  // Upper bound of the bucket that holds the `q`-quantile, 0 <= q <= 1, in
  // microseconds; 0 when nothing was recorded.
  int64_t QuantileUs(double q) const;
  int64_t max_us() const { return max_us_; }
  void Clear() { *this = LatencyHistogram(); }

 private:
  static constexpr int kSubBits = 7;
  static constexpr size_t kBuckets = (40 - kSubBits + 1) << kSubBits;

  static size_t BucketOf(uint64_t us);
  static uint64_t UpperBound(size_t bucket);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  int64_t max_us_ = 0;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_LATENCY_HISTOGRAM_H_
