// Backoff: how long to wait before the next attempt.
#ifndef KAPPA_CLIENT_CPP_BACKOFF_H_
#define KAPPA_CLIENT_CPP_BACKOFF_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace kappa::client {

// Grows from a minimum to a maximum by doubling; each wait is random between
// half of that and all of it, so that clients do not come back in step.
//
// Thread safety: thread-compatible.
class Backoff {
 public:
  Backoff(absl::Duration min, absl::Duration max, uint64_t seed);
  // Seeded by the machine.
  Backoff(absl::Duration min, absl::Duration max);

  // The wait before the next attempt.
  absl::Duration Next();
  // After a success: begins anew.
  void Reset() { current_ = min_; }

 private:
  const absl::Duration min_;
  const absl::Duration max_;
  absl::Duration current_;
  std::minstd_rand random_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_BACKOFF_H_
