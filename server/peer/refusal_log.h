// RefusalLog: which refusals of callers are worth a line in the log.
#ifndef KAPPA_SERVER_PEER_REFUSAL_LOG_H_
#define KAPPA_SERVER_PEER_REFUSAL_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// Who is refused comes again every few seconds, on several streams, for as long
// as the reason lasts: the same reason is logged now and then only.
//
// Thread safety: thread-safe.
class RefusalLog {
 public:
  static constexpr int64_t kPeriodUs = 10'000'000;
  // More reasons than these are forgotten, and so logged again.
  static constexpr size_t kReasonsMax = 64;

  // Whether `reason`, met at `now_us`, is to be logged now.
  bool ShallLog(const std::string& reason, int64_t now_us) {
    MutexLock lock(&mutex_);
    const auto found = logged_us_.find(reason);
    if (found != logged_us_.end()) {
      if (now_us - found->second < kPeriodUs) return false;
      found->second = now_us;
      return true;
    }
    if (logged_us_.size() == kReasonsMax) logged_us_.clear();
    logged_us_.emplace(reason, now_us);
    return true;
  }

 private:
  Mutex mutex_;
  absl::flat_hash_map<std::string, int64_t> logged_us_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_REFUSAL_LOG_H_
