// Minimize: the few faults of a failing run that matter.
#ifndef KAPPA_TESTS_SIMULATION_MINIMIZE_H_
#define KAPPA_TESTS_SIMULATION_MINIMIZE_H_

#include <cstddef>
#include <functional>

#include "tests/simulation/fault_plan.h"

namespace kappa::simulation {

// Leaves out kinds of faults, then stretches of single ones, for as long as
// `fails` still says true, and at most `runs_max` times. The result fails too.
// Requires: fails(plan).
FaultPlan Minimize(FaultPlan plan, size_t runs_max,
                   const std::function<bool(const FaultPlan&)>& fails);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_MINIMIZE_H_
