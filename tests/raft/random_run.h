// RandomRun: one group under random inputs and faults, from one seed.
#ifndef KAPPA_TESTS_RAFT_RANDOM_RUN_H_
#define KAPPA_TESTS_RAFT_RANDOM_RUN_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/raft/cluster.h"

namespace kappa::raft {

// What happened, summed over runs: shows that a test was not vacuous.
struct RunCounts {
  uint64_t runs = 0;
  uint64_t commits = 0;
  uint64_t terms_led = 0;
  uint64_t reads_confirmed = 0;
  uint64_t refused_for_bytes = 0;
  uint64_t crashes = 0;
  uint64_t writes_lost = 0;
  uint64_t completions_lost = 0;
  uint64_t completions_repeated = 0;
  uint64_t bases_installed = 0;
  uint64_t messages_dropped = 0;
  uint64_t messages_repeated = 0;
  uint64_t cuts = 0;
  uint64_t transfers = 0;
  uint64_t trims = 0;
  uint64_t damaged = 0;
};

struct RunResult {
  std::string breach;  // empty: every property held
  uint64_t trace = 0;
};

// A group with small limits, so that every one of them is met.
ClusterOptions SmallLimits(size_t voters, uint64_t seed);

// A safety phase of `steps` random inputs, then a liveness phase: everything
// heals and the group must converge within 20 election times and commit one
// more entry.
RunResult RunRandomly(const ClusterOptions& options, size_t steps,
                      RunCounts* counts);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_RANDOM_RUN_H_
