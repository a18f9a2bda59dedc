// Longer stretches of a scenario: an election, a round of time, convergence.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CONVERGENCE_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CONVERGENCE_H_

#include <set>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"

namespace kappa::raft {

// One tick of every living replica, then everything that is due.
absl::Status RunRound(ScriptedCluster& cluster);

// Makes a replica leader: where one that it can talk to knows a leader, those
// first hear of none for an election time; then it campaigns and all that is
// due is delivered.
// Errors: FAILED_PRECONDITION: it did not win.
absl::Status Elect(ScriptedCluster& cluster, ReplicaId replica);

// Lets time pass until one replica leads and all members of its configuration
// but `without` have its log, all of it committed and durable.
// Errors: DEADLINE_EXCEEDED, with what is missing, after 20 election times.
absl::Status Converge(ScriptedCluster& cluster,
                      const std::set<ReplicaId>& without);

// Those that `stabilize` does not wait for: dead, halted, or cut off from the
// leader.
std::set<ReplicaId> OutOfReach(const ScriptedCluster& cluster);

// Ends all faults, converges, then proposes and reads once more.
absl::Status HealAndConverge(ScriptedCluster& cluster,
                             const std::set<ReplicaId>& without);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_CONVERGENCE_H_
