// Timer: runs short tasks later, on one thread of its own.
#ifndef KAPPA_CLIENT_CPP_TIMER_H_
#define KAPPA_CLIENT_CPP_TIMER_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Tasks must not block. Those not due when the timer is destroyed never run.
//
// Thread safety: thread-safe, except destruction.
class Timer {
 public:
  Timer();
  // Waits for a running task. Must not be called by a task.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Runs `task` once, not earlier than `delay` from now. After Stop: never.
  void RunAfter(absl::Duration delay, std::function<void()> task);

  // Drops all tasks and waits for a running one. Must not be called by a task.
  void Stop();

 private:
  struct Entry {
    absl::Time due;
    uint64_t number;
    std::function<void()> task;
    // A priority queue keeps the greatest on top: the earliest, for us.
    friend bool operator<(const Entry& a, const Entry& b) {
      return a.due != b.due ? a.due > b.due : a.number > b.number;
    }
  };

  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::priority_queue<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_TIMER_H_
