#include "tests/simulation/isolated_run.h"

#include <cstring>
#include <string>

#include "tests/simulation/child_run.h"

namespace kappa::simulation {
namespace {

// A run's outcome as bytes, without the text of the breach.
struct Outcome {
  uint64_t trace = 0;
  RunCounts counts;
};

}  // namespace

IsolatedResult RunIsolated(const SimulationOptions& options,
                           const FaultPlan& plan, void (*prepare)()) {
  const ChildResult child = RunInChild([&] {
    if (prepare != nullptr) prepare();
    const RunResult run = Simulation(options, plan).Run();
    const Outcome outcome{run.trace, run.counts};
    std::string bytes(sizeof(outcome), '\0');
    std::memcpy(bytes.data(), &outcome, sizeof(outcome));
    return bytes + run.breach;
  });
  IsolatedResult result;
  Outcome outcome;
  if (child.died || child.bytes.size() < sizeof(outcome)) {
    result.died = true;
    result.run.breach = child.died ? child.how : "the process died: ";
    return result;
  }
  std::memcpy(&outcome, child.bytes.data(), sizeof(outcome));
  result.run.trace = outcome.trace;
  result.run.counts = outcome.counts;
  result.run.breach = child.bytes.substr(sizeof(outcome));
  return result;
}

}  // namespace kappa::simulation
