// PeerTimer: the thread on which links begin attempts and send beats.
#ifndef KAPPA_SERVER_PEER_PEER_TIMER_H_
#define KAPPA_SERVER_PEER_PEER_TIMER_H_

#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// Thread safety: thread-safe.
class PeerTimer {
 public:
  // `tick` returns how many microseconds later it wants to be called again at
  // the latest. Called once at once.
  explicit PeerTimer(std::function<int64_t()> tick)
      : tick_(std::move(tick)), thread_([this] { Run(); }) {}
  ~PeerTimer() { Stop(); }

  // Calls tick soon, once for all calls meanwhile.
  void Wake() {
    MutexLock lock(&mutex_);
    woken_ = true;
    changed_.Signal();
  }
  // No tick is under way or begins afterwards. Not to be called by tick.
  void Stop() {
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
      changed_.Signal();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    while (true) {
      const int64_t wait_us = tick_();
      MutexLock lock(&mutex_);
      if (!woken_ && !stopped_ && wait_us > 0) {
        changed_.WaitFor(&mutex_, wait_us);
      }
      if (stopped_) return;
      woken_ = false;
    }
  }

  const std::function<int64_t()> tick_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_TIMER_H_
