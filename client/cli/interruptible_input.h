// InterruptibleInput: a file or pipe as a stream that ends when the user
// interrupts, also while it waits for bytes.
#ifndef KAPPA_CLIENT_CLI_INTERRUPTIBLE_INPUT_H_
#define KAPPA_CLIENT_CLI_INTERRUPTIBLE_INPUT_H_

#include <streambuf>
#include <vector>

#include "client/cli/interrupt.h"

namespace kappa::cli {

// Use it as the buffer of a std::istream. An error of a read ends the stream
// and is kept in error_number().
//
// Thread safety: thread-compatible.
class InterruptibleInput final : public std::streambuf {
 public:
  // Reads `fd`, which stays the caller's. `interrupt` must outlive the input.
  InterruptibleInput(int fd, const Interrupt* interrupt);

  // errno of the read that failed, 0 if none did.
  int error_number() const { return error_number_; }

 protected:
  int_type underflow() override;

 private:
  // True when there is something to read; false when interrupted.
  bool WaitForInput();

  const int fd_;
  const Interrupt* const interrupt_;
  int error_number_ = 0;
  std::vector<char> buffer_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_INTERRUPTIBLE_INPUT_H_
