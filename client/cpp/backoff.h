// Backoff: how long to wait before the next attempt.
#ifndef KAPPA_CLIENT_CPP_BACKOFF_H_
#define KAPPA_CLIENT_CPP_BACKOFF_H_

#include <cstdint>
#include <random>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace kappa::client {

// Grows from a minimum to a maximum by doubling; each wait is random between
// half of that and all of it, so that clients do not come back in step. While a
// node is not there or does not lead, a cluster needs a moment to agree on
// another one: those waits stay below kFailoverMax for the first
// kFailoverAttempts, some seconds in all, and only then grow further.
//
// Thread safety: thread-compatible.
class Backoff {
 public:
  static constexpr absl::Duration kFailoverMax = absl::Milliseconds(80);
  static constexpr uint32_t kFailoverAttempts = 60;

  Backoff(absl::Duration min, absl::Duration max, uint64_t seed);
  // Seeded by the machine.
  Backoff(absl::Duration min, absl::Duration max);

  // The wait before the next attempt after one that failed because of `cause`.
  absl::Duration Next(const absl::Status& cause) {
    return At(++failures_, cause);
  }
  // The wait after failure number `failures` in a row, from 1.
  absl::Duration At(uint32_t failures, const absl::Status& cause);
  // After a success: begins anew.
  void Reset() { failures_ = 0; }

 private:
  const absl::Duration min_;
  const absl::Duration max_;
  uint32_t failures_ = 0;
  std::minstd_rand random_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_BACKOFF_H_
