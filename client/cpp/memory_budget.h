// MemoryBudget: bounds the bytes that wait to be sent.
#ifndef KAPPA_CLIENT_CPP_MEMORY_BUDGET_H_
#define KAPPA_CLIENT_CPP_MEMORY_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Lets bytes in while less than the maximum is used.
//
// Thread safety: thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes_max);

  // Takes `bytes` if less than the maximum is used.
  bool TryTake(size_t bytes);
  // Waits until it can. Calls `before_wait` once if it must wait. False when
  // Close was called.
  bool Take(size_t bytes, const std::function<void()>& before_wait);
  void Return(size_t bytes);
  // Ends all waits, now and later.
  void Close();

  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
  // Threads in Take that found no room.
  std::atomic<size_t> waiting_{0};
  Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_MEMORY_BUDGET_H_
