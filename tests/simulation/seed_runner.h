// SeedRunner: runs seeds one after the other and says what went wrong.
#ifndef KAPPA_TESTS_SIMULATION_SEED_RUNNER_H_
#define KAPPA_TESTS_SIMULATION_SEED_RUNNER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/run_counts.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {

struct SeedFailure {
  uint64_t seed = 0;
  std::string breach;
};

// Sums over all seeds that it ran.
//
// Thread safety: thread-compatible; the process must have one thread.
class SeedRunner {
 public:
  // `seconds` of simulated time a seed; `groups` 0: as the seed draws.
  SeedRunner(double seconds, size_t groups)
      : seconds_(seconds), groups_(groups) {}

  // Runs a seed. Every 25th one runs twice, which must give the same trace.
  // Returns false, and remembers why, if anything failed.
  bool Run(uint64_t seed);

  const RunCounts& counts() const { return counts_; }
  const std::vector<SeedFailure>& failures() const { return failures_; }
  // Over the seeds so far, of commits, leader changes, and finished
  // configuration changes.
  uint64_t MedianCommits() const { return Median(commits_); }
  uint64_t MedianLeaderChanges() const { return Median(leader_changes_); }
  uint64_t MedianConfigurations() const { return Median(configurations_); }

  SimulationOptions OptionsOf(uint64_t seed) const;
  // What failed, the command that replays it, and as few faults as `runs_max`
  // further runs can find that still make it fail.
  std::string Report(const SeedFailure& failure, size_t runs_max) const;

 private:
  static uint64_t Median(std::vector<uint64_t> numbers);

  double seconds_;
  size_t groups_;
  RunCounts counts_;
  std::vector<SeedFailure> failures_;
  std::vector<uint64_t> commits_;
  std::vector<uint64_t> leader_changes_;
  std::vector<uint64_t> configurations_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_SEED_RUNNER_H_
