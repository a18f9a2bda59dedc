// Completion scripts for shells, generated from the command tree.
#ifndef KAPPA_CLIENT_CLI_COMPLETION_H_
#define KAPPA_CLIENT_CLI_COMPLETION_H_

#include <string>
#include <string_view>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"

namespace kappa::cli {

// The script for "bash", "zsh" or "fish".
// Errors: INVALID_ARGUMENT: another shell.
absl::StatusOr<std::string> CompletionScript(const CLI::App& app,
                                             std::string_view shell);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_COMPLETION_H_
