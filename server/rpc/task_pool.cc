#include "server/rpc/task_pool.h"

#include <utility>

namespace kappa::server {

TaskPool::TaskPool(int threads, const Clock* clock) : clock_(clock) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

TaskPool::~TaskPool() { Stop(); }

void TaskPool::Post(Task task) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    due_.push_back(std::move(task));
  }
  changed_.Signal();
}

void TaskPool::PostAt(int64_t at_us, Task task) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    const bool first = delayed_.empty() || at_us < delayed_.begin()->first;
    delayed_.emplace(at_us, std::move(task));
    if (!first) return;
  }
  changed_.Signal();
}

void TaskPool::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    delayed_.clear();
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void TaskPool::Run() {
  Task task;
  while (NextTask(&task)) {
    task();
    task = nullptr;  // what it held goes before the next wait
  }
}

void TaskPool::TakeDelayed(int64_t now_us) {
  while (!delayed_.empty() && delayed_.begin()->first <= now_us) {
    due_.push_back(std::move(delayed_.begin()->second));
    delayed_.erase(delayed_.begin());
  }
}

bool TaskPool::NextTask(Task* task) {
  MutexLock lock(&mutex_);
  while (true) {
    const int64_t now_us = clock_->MonotonicUs();
    TakeDelayed(now_us);
    if (!due_.empty()) {
      *task = std::move(due_.front());
      due_.pop_front();
      if (!due_.empty()) changed_.Signal();
      return true;
    }
    if (stopped_) return false;
    if (delayed_.empty()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitFor(&mutex_, delayed_.begin()->first - now_us);
    }
  }
}

}  // namespace kappa::server
