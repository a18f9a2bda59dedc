#include "client/cpp/memory_budget.h"

#include "proto/wire/check.h"

namespace kappa::client {

MemoryBudget::MemoryBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

bool MemoryBudget::TryTake(size_t bytes) {
  size_t used = used_.load();
  while (used < bytes_max_) {
    if (used_.compare_exchange_weak(used, used + bytes)) return true;
  }
  return false;
}

bool MemoryBudget::Take(size_t bytes,
                        const std::function<void()>& before_wait) {
  if (TryTake(bytes)) return true;
  before_wait();
  MutexLock lock(&mutex_);
  // Announced before the next look at used_: a Return in between sees it.
  ++waiting_;
  bool taken = false;
  while (!closed_ && !(taken = TryTake(bytes))) changed_.Wait(&mutex_);
  --waiting_;
  return taken;
}

void MemoryBudget::Return(size_t bytes) {
  const size_t before = used_.fetch_sub(bytes);
  KAPPA_CHECK(before >= bytes, "returned more than was taken");
  if (waiting_.load() == 0) return;
  // Taken so that no waiter is between its look and its wait.
  MutexLock lock(&mutex_);
  changed_.SignalAll();
}

void MemoryBudget::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  changed_.SignalAll();
}

}  // namespace kappa::client
