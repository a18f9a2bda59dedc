// What a scenario expects, compared with what is.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_EXPECTATION_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_EXPECTATION_H_

#include "absl/status/status.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"
#include "tests/raft/scenarios/runner/word_reader.h"

namespace kappa::raft {

// The words after "expect", or a line of an expected block. INVALID_ARGUMENT:
// the line is not understood; FAILED_PRECONDITION: it does not hold, with
// expected and actual values side by side.
absl::Status RunExpectation(ScriptedCluster& cluster, WordReader& words);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_EXPECTATION_H_
