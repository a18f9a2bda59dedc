// ThreadWaits: how long a thread waits for a processor, as Linux counts it
// (proc_pid_schedstat).
#ifndef KAPPA_STORAGE_THREAD_WAITS_H_
#define KAPPA_STORAGE_THREAD_WAITS_H_

#include <atomic>
#include <optional>

#include "storage/writer_load.h"

namespace kappa::storage {

// Thread safety: thread-safe.
class ThreadWaits {
 public:
  ThreadWaits() = default;
  ~ThreadWaits();
  ThreadWaits(const ThreadWaits&) = delete;
  ThreadWaits& operator=(const ThreadWaits&) = delete;

  // Looks at the calling thread from now on. Requires: called once.
  void BeginHere();
  // Absent before BeginHere, after the thread's end, and where the kernel does
  // not tell. Takes some microseconds.
  std::optional<ProcessorWaits> Read() const;

 private:
  std::atomic<int> file_{-1};
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_THREAD_WAITS_H_
