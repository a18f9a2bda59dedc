#include "client/cpp/timer.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace kappa::client {
namespace {

// A wait that is cut off is begun again.
constexpr absl::Duration kWaitMax = absl::Hours(1);

}  // namespace

Timer::Timer() : thread_([this] { Run(); }) {}

Timer::~Timer() { Stop(); }

void Timer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Timer::RunAfter(absl::Duration delay, std::function<void()> task) {
  MutexLock lock(&mutex_);
  if (stopping_) return;
  const absl::Time due = absl::Now() + delay;
  const bool first = entries_.empty() || due < entries_.top().due;
  entries_.push({due, next_number_++, std::move(task)});
  if (first) changed_.Signal();
}

void Timer::Run() {
  mutex_.Lock();
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.Wait(&mutex_);
      continue;
    }
    const absl::Duration wait = entries_.top().due - absl::Now();
    if (wait > absl::ZeroDuration()) {
      changed_.WaitFor(&mutex_,
                       absl::ToInt64Microseconds(std::min(wait, kWaitMax)) + 1);
      continue;
    }
    std::function<void()> task = entries_.top().task;
    entries_.pop();
    mutex_.Unlock();
    task();
    task = nullptr;
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace kappa::client
