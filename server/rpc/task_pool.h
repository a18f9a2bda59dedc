// TaskPool: a few threads for work that neither a shard nor a gRPC thread
// should do: cutting, inflating and writing what readers asked for.
#ifndef KAPPA_SERVER_RPC_TASK_POOL_H_
#define KAPPA_SERVER_RPC_TASK_POOL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// Runs tasks in the order they come, each on one of the threads; delayed ones
// when their time has come.
//
// Bound: callers keep at most one task and three delayed tasks per open call,
// which gRPC bounds; delayed ones of a call that ended stay until they are due.
// Thread safety: thread-safe.
class TaskPool {
 public:
  using Task = absl::AnyInvocable<void()>;

  // `clock` is not owned.
  TaskPool(int threads, const Clock* clock);
  // As Stop.
  ~TaskPool();

  // Runs `task` soon. After Stop it is dropped.
  void Post(Task task);
  // Runs `task` at or after Clock::MonotonicUs() == `at_us`. After Stop it is
  // dropped.
  void PostAt(int64_t at_us, Task task);

  // Runs what was posted, drops what is delayed, ends the threads.
  void Stop();

 private:
  void Run();
  // Waits for a task that is due; false when stopped and none is left.
  bool NextTask(Task* task);
  void TakeDelayed(int64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> due_ ABSL_GUARDED_BY(mutex_);
  std::multimap<int64_t, Task> delayed_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_TASK_POOL_H_
