// Scenario: a text file of commands and expected states, read.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCENARIO_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCENARIO_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/wire/types.h"

namespace kappa::raft {

struct Scenario {
  struct Line {
    int number = 0;  // from 1
    std::vector<std::string> words;
  };
  std::string path;
  // Commands; a line of an expected block reads "expect ...".
  std::vector<Line> lines;
  // Why the group does not converge at the end; empty if it does.
  std::string no_convergence;
  // Replicas that need not converge with the others.
  std::vector<ReplicaId> converge_without;
};

// Reads the text of a scenario; the language is in ../README.md.
// Errors: INVALID_ARGUMENT "PATH:LINE: ...": no first comment, an unclosed
// bracket or quote, no command, a directive without its reason.
absl::StatusOr<Scenario> ParseScenario(std::string path,
                                       absl::string_view text);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCENARIO_H_
