#include "server/tools/standard_output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace kappa::server {

StandardOutput::StandardOutput() { std::signal(SIGPIPE, SIG_IGN); }

void StandardOutput::Check(bool written) {
  if (!written && error_ == 0) error_ = errno != 0 ? errno : EIO;
}

bool StandardOutput::Write(std::string_view text) {
  if (error_ != 0) return false;
  errno = 0;
  Check(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
  return error_ == 0;
}

ExitCode StandardOutput::Finish(const char* tool, ExitCode code) {
  errno = 0;
  if (error_ == 0) Check(std::fflush(stdout) == 0);
  if (error_ == 0 || error_ == EPIPE) return code;
  std::fprintf(stderr, "kappad %s: cannot write to standard output: %s\n", tool,
               std::strerror(error_));
  return kWriteFailed;
}

}  // namespace kappa::server
