#include "client/cli/interruptible_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "client/cli/interrupt.h"

namespace kappa::cli {

namespace {

constexpr size_t kBufferBytes = 256 * 1024;

}  // namespace

InterruptibleInput::InterruptibleInput(int fd, const Interrupt* interrupt)
    : fd_(fd), interrupt_(interrupt), buffer_(kBufferBytes) {}

bool InterruptibleInput::WaitForInput() {
  pollfd fds[2] = {{fd_, POLLIN, 0}, {interrupt_->fd(), POLLIN, 0}};
  while (!interrupt_->requested()) {
    const int ready = poll(fds, 2, -1);
    if (ready < 0 && errno == EINTR) continue;
    // Whatever poll cannot wait for, read will tell.
    return ready < 0 || fds[1].revents == 0;
  }
  return false;
}

InterruptibleInput::int_type InterruptibleInput::underflow() {
  if (!WaitForInput()) return traits_type::eof();
  ssize_t got = 0;
  do {
    got = read(fd_, buffer_.data(), buffer_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) error_number_ = errno;
  if (got <= 0) return traits_type::eof();
  setg(buffer_.data(), buffer_.data(), buffer_.data() + got);
  return traits_type::to_int_type(*gptr());
}

}  // namespace kappa::cli
