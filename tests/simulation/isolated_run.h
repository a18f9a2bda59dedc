// RunIsolated: one simulated run in a process of its own.
#ifndef KAPPA_TESTS_SIMULATION_ISOLATED_RUN_H_
#define KAPPA_TESTS_SIMULATION_ISOLATED_RUN_H_

#include "tests/simulation/fault_plan.h"
#include "tests/simulation/simulation.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {

struct IsolatedResult {
  RunResult run;
  // The process ended by itself: run.breach tells how, and what it printed.
  bool died = false;
};

// Runs a simulation in a child process, so that one that aborts, by a CHECK of
// the code under test or by a sanitizer, is a result like any other. `prepare`,
// if given, is called in the child before it begins (a test switches mutants
// on).
// Requires: the calling process has one thread.
IsolatedResult RunIsolated(const SimulationOptions& options,
                           const FaultPlan& plan, void (*prepare)() = nullptr);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_ISOLATED_RUN_H_
