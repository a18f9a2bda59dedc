#include "client/cpp/backoff.h"

#include <algorithm>

namespace kappa::client {

Backoff::Backoff(absl::Duration min, absl::Duration max, uint64_t seed)
    : min_(min),
      max_(std::max(min, max)),
      current_(min),
      random_(static_cast<std::minstd_rand::result_type>(seed)) {}

Backoff::Backoff(absl::Duration min, absl::Duration max)
    : Backoff(min, max, std::random_device()()) {}

absl::Duration Backoff::Next() {
  const absl::Duration ceiling = current_;
  current_ = std::min(current_ * 2, max_);
  std::uniform_real_distribution<double> share(0.5, 1.0);
  return ceiling * share(random_);
}

}  // namespace kappa::client
