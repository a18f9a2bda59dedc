// SeedRunner: runs seeds of whole nodes and says what went wrong.
#ifndef KAPPA_TESTS_SIMULATION_NODES_SEED_RUNNER_H_
#define KAPPA_TESTS_SIMULATION_NODES_SEED_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/simulation/nodes/run_counts.h"
#include "tests/simulation/nodes/simulation.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible; the process must have one thread.
class SeedRunner {
 public:
  // `seconds` of simulated time with faults, a seed.
  explicit SeedRunner(double seconds) : seconds_(seconds) {}

  // Runs a seed; every 10th one twice, which must give the same trace. Returns
  // what is wrong, "" if nothing.
  std::string Run(uint64_t seed);
  // The breach, the command that replays it, and as few faults as `runs_max`
  // further runs can find that still make it fail.
  std::string Report(uint64_t seed, const std::string& breach,
                     size_t runs_max) const;
  const RunCounts& counts() const { return counts_; }

 private:
  const double seconds_;
  RunCounts counts_;
};

// Leaves out kinds of faults, then stretches of single ones, while `options`
// with the rest still fails, at most `runs_max` times.
Plan Minimize(const RunOptions& options, Plan plan, size_t runs_max);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_SEED_RUNNER_H_
