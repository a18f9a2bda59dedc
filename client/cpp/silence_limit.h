// SilenceLimit: how long a node may leave appends without any answer.
#ifndef KAPPA_CLIENT_CPP_SILENCE_LIMIT_H_
#define KAPPA_CLIENT_CPP_SILENCE_LIMIT_H_

#include <algorithm>

#include "absl/time/time.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// A node that was stopped or cut off keeps its connections. To take a slow one
// for such costs a repetition, and must not happen over and over: the limit
// follows the longest silences that ended with an answer, and doubles with each
// that did not.
//
// Thread safety: thread-safe.
class SilenceLimit {
 public:
  // Infinite: there is no limit.
  explicit SilenceLimit(absl::Duration min) : min_(min), limit_(min) {}

  absl::Duration limit() const {
    MutexLock lock(&mutex_);
    return limit_;
  }

  // An answer came after `silence`.
  void OnAnswer(absl::Duration silence) {
    MutexLock lock(&mutex_);
    if (limit_ == min_ && silence * kMargin <= min_) return;
    Set(std::max(limit_ * kDecay, silence * kMargin));
  }

  // The limit was passed.
  void OnSilence() {
    MutexLock lock(&mutex_);
    Set(limit_ * 2);
  }

 private:
  static constexpr int kMargin = 4;
  static constexpr double kDecay = 0.9;
  static constexpr absl::Duration kMax = absl::Minutes(1);

  void Set(absl::Duration limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    limit_ = std::max(min_, std::min(limit, kMax));
  }

  const absl::Duration min_;
  mutable Mutex mutex_;
  absl::Duration limit_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_SILENCE_LIMIT_H_
