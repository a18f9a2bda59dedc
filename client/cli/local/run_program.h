// RunProgram: a short run of another program.
#ifndef KAPPA_CLIENT_CLI_LOCAL_RUN_PROGRAM_H_
#define KAPPA_CLIENT_CLI_LOCAL_RUN_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace kappa::cli {

// Runs `words` (a program of PATH, and arguments) to its end.
// Errors: FAILED_PRECONDITION: it cannot be started, or did not end with 0;
// with what it printed.
absl::Status RunProgram(std::vector<std::string> words);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_RUN_PROGRAM_H_
