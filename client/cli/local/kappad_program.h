// Where the program kappad is.
#ifndef KAPPA_CLIENT_CLI_LOCAL_KAPPAD_PROGRAM_H_
#define KAPPA_CLIENT_CLI_LOCAL_KAPPAD_PROGRAM_H_

#include <string>

#include "absl/status/statusor.h"

namespace kappa::cli {

// The absolute path of `named`; when that is empty, of $KAPPAD, else of kappad
// beside this program, else of the first one in PATH.
// Errors: FAILED_PRECONDITION: there is none, with what to do.
absl::StatusOr<std::string> FindKappad(const std::string& named);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_KAPPAD_PROGRAM_H_
