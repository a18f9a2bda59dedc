// StandardOutput: what a tool prints for others to read, and whether it got
// there.
#ifndef KAPPA_SERVER_TOOLS_STANDARD_OUTPUT_H_
#define KAPPA_SERVER_TOOLS_STANDARD_OUTPUT_H_

#include <string_view>

#include "server/tools/exit_code.h"

namespace kappa::server {

// A reader that goes away is no error: it has read enough (`| head`). Anything
// else that keeps the output from being written is.
//
// Thread safety: thread-compatible.
class StandardOutput {
 public:
  // Ignores SIGPIPE from now on.
  StandardOutput();

  // False when nothing more will get there.
  bool Write(std::string_view text);
  // Ends the output. Returns `code`, or, after an error, which it tells in the
  // name of `tool`, kWriteFailed.
  ExitCode Finish(const char* tool, ExitCode code);

 private:
  void Check(bool written);

  int error_ = 0;  // errno of the first write that failed
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_STANDARD_OUTPUT_H_
