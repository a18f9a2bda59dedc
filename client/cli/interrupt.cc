#include "client/cli/interrupt.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::cli {

namespace {

// What the signal handler may touch.
std::atomic<bool> interrupted = false;
std::atomic<int> wake_fd = -1;
std::atomic<int> event_fd = -1;

void OnSignal(int signal) {
  const int saved_errno = errno;
  if (interrupted.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  const char byte = 1;
  if (write(wake_fd.load(), &byte, 1) < 0 ||
      eventfd_write(event_fd.load(), 1) < 0) {
    // The flag is set all the same.
  }
  errno = saved_errno;
}

}  // namespace

Interrupt::Interrupt(std::function<void()> on_request) {
  KAPPA_CHECK(wake_fd.load() == -1, "one Interrupt at a time");
  KAPPA_CHECK(pipe2(wake_fds_, O_CLOEXEC) == 0, "a pipe can be made");
  requested_fd_ = eventfd(0, EFD_CLOEXEC);
  KAPPA_CHECK(requested_fd_ >= 0, "an eventfd can be made");
  interrupted = false;
  wake_fd = wake_fds_[1];
  event_fd = requested_fd_;
  thread_ = std::thread([fd = wake_fds_[0], call = std::move(on_request)] {
    char byte = 0;
    ssize_t got = 0;
    do {
      got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1 && byte == 1 && call) call();
  });
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  const char byte = 0;
  KAPPA_CHECK(write(wake_fds_[1], &byte, 1) == 1, "the pipe takes a byte");
  thread_.join();
  wake_fd = -1;
  event_fd = -1;
  close(requested_fd_);
  close(wake_fds_[0]);
  close(wake_fds_[1]);
}

bool Interrupt::requested() const { return interrupted.load(); }

}  // namespace kappa::cli
