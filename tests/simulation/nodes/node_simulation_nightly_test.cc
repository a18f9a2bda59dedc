// The long version: new seeds of whole nodes, as long as there is time.
//
// KAPPA_NIGHTLY_MINUTES is how long (60), KAPPA_SEED the first seed (by default
// another one each time); a seed that fails says how to repeat it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string>

#include "tests/simulation/nodes/run_counts.h"
#include "tests/simulation/nodes/seed_runner.h"

namespace kappa::node_simulation {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kFailuresMax = 5;
// Short runs in turn with long ones, in which more has piled up.
constexpr double kSeconds[] = {10, 10, 10, 60};

double NumberOf(const char* variable, double otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise
                                          : std::strtod(text, nullptr);
}

TEST(NodeSimulationNightlyTest, NewSeedsKeepEveryPropertyAndConverge) {
  const auto end =
      Clock::now() +
      std::chrono::duration<double>(60 * NumberOf("KAPPA_NIGHTLY_MINUTES", 60));
  const uint64_t first = static_cast<uint64_t>(NumberOf(
      "KAPPA_SEED", static_cast<double>(std::time(nullptr) % 1'000'000'000)));
  RunCounts counts;
  int failures = 0;
  uint64_t seed = first;
  for (; Clock::now() < end && failures < kFailuresMax; ++seed) {
    SeedRunner runner(kSeconds[seed % std::size(kSeconds)]);
    const std::string breach = runner.Run(seed);
    counts.Add(runner.counts());
    if (breach.empty()) continue;
    ++failures;
    ADD_FAILURE() << runner.Report(seed, breach, /*runs_max=*/60);
  }
  std::printf("seeds %llu-%llu\n%s", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(seed - 1),
              TableOf(counts).c_str());
  EXPECT_EQ(Vacuous(counts), "");
}

}  // namespace
}  // namespace kappa::node_simulation
