// Sets a CoreOptions field by its name, as scenarios write it.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CORE_OPTION_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CORE_OPTION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "raft/core_options.h"

namespace kappa::raft {

// `assignment` is "name=value": a number, or on / off.
// Errors: INVALID_ARGUMENT: no such field, or no value of its kind.
absl::Status SetCoreOption(CoreOptions& options, absl::string_view assignment);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CORE_OPTION_H_
