#include "client/cpp/backoff.h"

#include <algorithm>

namespace kappa::client {

Backoff::Backoff(absl::Duration min, absl::Duration max, uint64_t seed)
    : min_(min),
      max_(std::max(min, max)),
      random_(static_cast<std::minstd_rand::result_type>(seed)) {}

Backoff::Backoff(absl::Duration min, absl::Duration max)
    : Backoff(min, max, std::random_device()()) {}

absl::Duration Backoff::At(uint32_t failures, const absl::Status& cause) {
  absl::Duration max = max_;
  // Whoever is overloaded is spared.
  if (cause.code() != absl::StatusCode::kResourceExhausted) {
    if (failures <= kFailoverAttempts) {
      max = std::min(max_, std::max(min_, kFailoverMax));
    } else {
      failures -= kFailoverAttempts;
    }
  }
  absl::Duration ceiling = min_;
  for (uint32_t i = 1; i < failures && ceiling < max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, max);
  std::uniform_real_distribution<double> share(0.5, 1.0);
  return ceiling * share(random_);
}

}  // namespace kappa::client
