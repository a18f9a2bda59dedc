// How a command of `kappa` ends: exit codes, and errors told to a person.
#ifndef KAPPA_CLIENT_CLI_EXIT_CODE_H_
#define KAPPA_CLIENT_CLI_EXIT_CODE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace kappa::cli {

enum ExitCode : int {
  kDone = 0,
  kRefused = 1,     // by the server, or lost on the way
  kWrongUsage = 2,  // wrong arguments, or input that cannot be read
  kNoServer = 3,
};

// An error of the caller's own making.
absl::Status UsageError(std::string_view message);

// Which code a command that ended with `status` exits with.
ExitCode ExitCodeOf(const absl::Status& status);

// "REASON: message" as printed after "kappa: ".
std::string Describe(const absl::Status& status);

// Prints the error, if it is one, to standard error; returns its exit code.
int Report(const absl::Status& status);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_EXIT_CODE_H_
