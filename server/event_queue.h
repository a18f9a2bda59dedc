// EventQueue: many threads put, one takes everything at once.
#ifndef KAPPA_SERVER_EVENT_QUEUE_H_
#define KAPPA_SERVER_EVENT_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "proto/wire/mutex.h"

namespace kappa::server {

// Bounded for work that may be refused (TryPut); what must not be lost (Put:
// completions, and work whose number is bounded elsewhere) always fits.
//
// Thread safety: thread-safe; one thread at a time takes.
template <typename Event>
class EventQueue {
 public:
  explicit EventQueue(size_t count_max) : count_max_(count_max) {}

  // Whether who waits in Await hears of an event at once, or by WakeIfAny.
  enum class Wake { kNow, kLater };

  // False, with `event` untouched, when the queue is full or closed.
  bool TryPut(Event& event, Wake wake = Wake::kNow) {
    MutexLock lock(&mutex_);
    if (closed_ || events_.size() >= count_max_) return false;
    PutLocked(std::move(event), wake);
    return true;
  }

  // False only when the queue is closed; then `event` is untouched.
  bool Put(Event& event, Wake wake = Wake::kNow) {
    MutexLock lock(&mutex_);
    if (closed_) return false;
    PutLocked(std::move(event), wake);
    return true;
  }

  // Waits until there is an event. False: closed, and there is none.
  bool Await() {
    MutexLock lock(&mutex_);
    while (events_.empty() && !closed_) {
      waiting_ = true;
      not_empty_.Wait(&mutex_);
      waiting_ = false;
    }
    return !events_.empty();
  }
  // Ends somebody's Await if there is an event.
  void WakeIfAny() {
    MutexLock lock(&mutex_);
    if (waiting_ && !events_.empty()) not_empty_.Signal();
  }

  // Moves all events to `out`, which must be empty. False: closed, and there
  // was none.
  bool TakeNow(std::vector<Event>* out) {
    MutexLock lock(&mutex_);
    events_.swap(*out);
    size_.store(0, std::memory_order_relaxed);
    return !out->empty() || !closed_;
  }
  // The same if `fit` says so of them; moves nothing when there are none.
  template <typename Fit>
  void TakeIf(Fit fit, std::vector<Event>* out) {
    MutexLock lock(&mutex_);
    if (events_.empty() || !fit(std::as_const(events_))) return;
    events_.swap(*out);
    size_.store(0, std::memory_order_relaxed);
  }

  // Nothing more can be put; what is there can still be taken.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
    not_empty_.SignalAll();
  }

  bool closed() const {
    MutexLock lock(&mutex_);
    return closed_;
  }
  // Now; approximate.
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  void PutLocked(Event event, Wake wake) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    events_.push_back(std::move(event));
    size_.store(events_.size(), std::memory_order_relaxed);
    if (waiting_ && wake == Wake::kNow) not_empty_.Signal();
  }

  const size_t count_max_;
  std::atomic<size_t> size_{0};
  mutable Mutex mutex_;
  CondVar not_empty_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_EVENT_QUEUE_H_
