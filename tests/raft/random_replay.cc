// Random runs of one group, as many as wanted, or one seed again:
//   bazel run //tests/raft:random_replay -- VOTERS FIRST_SEED LAST_SEED STEPS
//
// Prints every breach with its seed, then what happened. Exit code 1 after a
// breach, 2 for a wrong command line.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/raft/random_run.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s VOTERS FIRST_SEED LAST_SEED STEPS\n",
                 argv[0]);
    return 2;
  }
  const size_t voters = std::strtoull(argv[1], nullptr, 10);
  const uint64_t first = std::strtoull(argv[2], nullptr, 10);
  const uint64_t last = std::strtoull(argv[3], nullptr, 10);
  const size_t steps = std::strtoull(argv[4], nullptr, 10);
  if (voters == 0) return 2;
  kappa::raft::RunCounts counts;
  uint64_t breaches = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const kappa::raft::RunResult result = kappa::raft::RunRandomly(
        kappa::raft::SmallLimits(voters, seed), steps, &counts);
    if (result.breach.empty()) continue;
    ++breaches;
    std::printf("seed %" PRIu64 ": %s\n", seed, result.breach.c_str());
  }
  std::printf("%" PRIu64 " runs, %" PRIu64 " commits, %" PRIu64
              " terms led, %" PRIu64 " crashes, %" PRIu64 " breaches\n",
              counts.runs, counts.commits, counts.terms_led, counts.crashes,
              breaches);
  return breaches == 0 ? 0 : 1;
}
