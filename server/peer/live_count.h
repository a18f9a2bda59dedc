// LiveCount: how many things are under way, and a wait for the last of them.
#ifndef KAPPA_SERVER_PEER_LIVE_COUNT_H_
#define KAPPA_SERVER_PEER_LIVE_COUNT_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// Thread safety: thread-safe. Shared with everyone who counts.
class LiveCount {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
  }
  void Remove() {
    MutexLock lock(&mutex_);
    if (--count_ == 0) zero_.SignalAll();
  }
  void WaitForZero() {
    MutexLock lock(&mutex_);
    while (count_ > 0) zero_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar zero_;
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_LIVE_COUNT_H_
