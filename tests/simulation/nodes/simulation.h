// Simulation: one run of whole nodes, from its options and its plan.
#ifndef KAPPA_TESTS_SIMULATION_NODES_SIMULATION_H_
#define KAPPA_TESTS_SIMULATION_NODES_SIMULATION_H_

#include <cstdint>
#include <string>

#include "tests/simulation/nodes/plan.h"
#include "tests/simulation/nodes/run_counts.h"
#include "tests/simulation/nodes/run_options.h"

namespace kappa::node_simulation {

struct RunResult {
  std::string breach;  // of a property; "": all hold
  uint64_t trace = 0;
  RunCounts counts;
  bool died = false;  // the process did, in a run of its own
};

// Runs in this thread.
RunResult Simulate(const RunOptions& options, const Plan& plan);

// Runs in a process of its own, so that one that aborts is a result like any
// other. Requires: the calling process has one thread.
RunResult SimulateIsolated(const RunOptions& options, const Plan& plan);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_SIMULATION_H_
