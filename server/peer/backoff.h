// Backoff: how long to wait before a connection is tried again.
#ifndef KAPPA_SERVER_PEER_BACKOFF_H_
#define KAPPA_SERVER_PEER_BACKOFF_H_

#include <algorithm>
#include <cstdint>
#include <random>

namespace kappa::server {

// Doubles from attempt to attempt up to a maximum; each wait is drawn from the
// upper half of that, so that nodes do not all come back at once.
//
// Thread safety: thread-compatible.
class Backoff {
 public:
  // Requires: 2 <= first_us <= longest_us.
  Backoff(int64_t first_us, int64_t longest_us, uint64_t seed)
      : first_us_(first_us),
        longest_us_(longest_us),
        step_us_(first_us),
        random_(seed) {}

  // Microseconds to wait now, within [step / 2, step].
  int64_t NextUs() {
    const int64_t step_us = step_us_;
    step_us_ = std::min(step_us_ * 2, longest_us_);
    return std::uniform_int_distribution<int64_t>(step_us / 2,
                                                  step_us)(random_);
  }
  // The last attempt succeeded: begins with the first step again.
  void Reset() { step_us_ = first_us_; }

 private:
  const int64_t first_us_;
  const int64_t longest_us_;
  int64_t step_us_;
  std::mt19937_64 random_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_BACKOFF_H_
