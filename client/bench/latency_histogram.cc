#include "client/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace kappa::bench {

// Values below 2^kSubBits have a bucket each; above, the highest kSubBits + 1
// bits choose the bucket.
size_t LatencyHistogram::BucketOf(uint64_t us) {
  const int width = std::bit_width(us);
  if (width <= kSubBits) return us;
  const int shift = width - kSubBits - 1;
  const size_t block = static_cast<size_t>(shift) + 1;
  const size_t within = (us >> shift) - (size_t{1} << kSubBits);
  return std::min((block << kSubBits) + within, kBuckets - 1);
}

uint64_t LatencyHistogram::UpperBound(size_t bucket) {
  const size_t block = bucket >> kSubBits;
  if (block == 0) return bucket;
  const size_t within = bucket & ((size_t{1} << kSubBits) - 1);
  const int shift = static_cast<int>(block) - 1;
  return (((uint64_t{1} << kSubBits) + within + 1) << shift) - 1;
}

void LatencyHistogram::Record(int64_t us) {
  us = std::max<int64_t>(us, 0);
  ++counts_[BucketOf(static_cast<uint64_t>(us))];
  ++count_;
  max_us_ = std::max(max_us_, us);
}

int64_t LatencyHistogram::QuantileUs(double q) const {
  const auto rank = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank && count_ > 0) {
      return std::min(static_cast<int64_t>(UpperBound(bucket)), max_us_);
    }
  }
  return 0;
}

}  // namespace kappa::bench
