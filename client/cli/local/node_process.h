// NodeProcess: a process that outlives the command which started it.
#ifndef KAPPA_CLIENT_CLI_LOCAL_NODE_PROCESS_H_
#define KAPPA_CLIENT_CLI_LOCAL_NODE_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kappa::cli {

// Its number, and when it started: a later process with the same number is
// another one, and is never signalled.
//
// Thread safety: thread-compatible.
class NodeProcess {
 public:
  enum class State { kEnded, kRuns, kPaused };

  // None: always ended.
  NodeProcess() = default;
  // As pid() and start_ticks() told before.
  NodeProcess(pid_t pid, uint64_t start_ticks)
      : pid_(pid), start_ticks_(start_ticks) {}

  // Starts `words` (program and arguments) in a session of its own, with no
  // open file of ours; what it prints is added to the file `log`.
  // Errors: FAILED_PRECONDITION, naming the program: it cannot be started.
  static absl::StatusOr<NodeProcess> Start(std::vector<std::string> words,
                                           const std::string& log);

  pid_t pid() const { return pid_; }
  // Clock ticks from the start of the machine to that of the process.
  uint64_t start_ticks() const { return start_ticks_; }
  State state() const;
  // Errors: NOT_FOUND: it has ended; FAILED_PRECONDITION: it is not ours.
  absl::Status Signal(int signal) const;
  // True as soon as it has ended, false when that takes longer.
  bool WaitForEnd(absl::Duration timeout) const;
  // SIGTERM, and SIGKILL when it still runs after `grace`. A paused one goes
  // on, to end. OK also when it has ended before.
  // Errors: FAILED_PRECONDITION: it is not ours, or does not end.
  absl::Status End(absl::Duration grace) const;

  friend bool operator==(const NodeProcess&, const NodeProcess&) = default;

 private:
  pid_t pid_ = 0;
  uint64_t start_ticks_ = 0;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_NODE_PROCESS_H_
