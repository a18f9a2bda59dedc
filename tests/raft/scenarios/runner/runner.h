// Runs one scenario.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_RUNNER_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_RUNNER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kappa::raft {

// Runs the text of a scenario file. Returns "" if everything holds, otherwise
// "PATH:LINE: ..." with what is wrong, expected and actual values side by side,
// and the command that runs this file alone. Reads and writes no file.
//
// After every line the properties across replicas are checked. At the end all
// faults end and the group must converge, commit an entry and confirm a read,
// unless the file says why not.
std::string RunScenario(const std::string& path, absl::string_view text);

// The line that is being run, for whoever reports that the process dies.
const char* PresentLine();

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_RUNNER_H_
