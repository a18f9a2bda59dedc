// ProcessUsage: what a process has used so far, from /proc.
#ifndef KAPPA_CLIENT_BENCH_PROCESS_USAGE_H_
#define KAPPA_CLIENT_BENCH_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace kappa::bench {

struct ProcessUsage {
  double cpu_s = 0;            // user and system, all threads
  uint64_t written_bytes = 0;  // handed to the disk (/proc/PID/io write_bytes)
  uint64_t read_bytes = 0;     // fetched from the disk
  uint64_t rss_bytes = 0;      // resident now
  uint64_t rss_max_bytes = 0;  // highest so far
};

// Errors: NOT_FOUND: no such process, or /proc is not readable.
absl::StatusOr<ProcessUsage> ReadProcessUsage(pid_t pid);

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_PROCESS_USAGE_H_
