// FaultPlan: the faults of one run, drawn before it begins.
#ifndef KAPPA_TESTS_SIMULATION_FAULT_PLAN_H_
#define KAPPA_TESTS_SIMULATION_FAULT_PLAN_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/fault.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {

// What happens to a run besides its clients: events, and which of the kinds
// that befall single packets are on. Drawn in full before the run, so that
// leaving one out leaves all others as they are.
struct FaultPlan {
  std::vector<Fault> faults;  // by time
  std::set<FaultKind> message_faults;

  // Draws a plan: how many and which kinds depends on the seed. Two faults wait
  // for a situation; seed by seed these go through all cells of the table.
  static FaultPlan Draw(const SimulationOptions& options);

  FaultPlan WithoutKind(FaultKind kind) const;
  FaultPlan WithoutFault(uint32_t number) const;
  // Only the faults with these numbers.
  bool Contains(FaultKind kind) const;
};

// One fault a line, message faults first.
std::string TextOf(const FaultPlan& plan);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_FAULT_PLAN_H_
