// Interrupt: SIGINT and SIGTERM as a flag and a callback, so that a command
// stops cleanly instead of dying.
#ifndef KAPPA_CLIENT_CLI_INTERRUPT_H_
#define KAPPA_CLIENT_CLI_INTERRUPT_H_

#include <functional>
#include <thread>

namespace kappa::cli {

// While it lives, the first SIGINT or SIGTERM sets requested() and calls the
// callback once, on a thread of its own; a second one ends the process as
// usual. At most one lives at a time, made before other threads are.
//
// Thread safety: requested() from any thread.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> on_request = nullptr);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;
  // Readable from the first signal on; for poll.
  int fd() const { return requested_fd_; }

 private:
  int wake_fds_[2] = {-1, -1};
  int requested_fd_ = -1;
  std::thread thread_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_INTERRUPT_H_
