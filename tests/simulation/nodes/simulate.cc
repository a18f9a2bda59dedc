// simulate: any number of seeds of whole nodes, or one again.
//
//   simulate --seeds A-B [--seconds S] [--minutes M] [--mutant NAME]
//            [--verbose]
//
// Seeds A to B, S simulated seconds with faults each (10); with --minutes no
// more are begun after so long. With --verbose in this process, each event of
// interest printed. With --mutant the node has a deliberate bug, and the first
// seed that sees it is printed. Exit code 1 after a breach, 2 for a wrong
// command line.
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "tests/simulation/nodes/seed_runner.h"

namespace kappa::node_simulation {
namespace {

constexpr size_t kMinimizeRunsMax = 60;
constexpr size_t kReportsMax = 3;

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 0;
  double seconds = 10;
  double minutes = 1e9;
  Mutant mutant = Mutant::kNone;
  bool verbose = false;
};

std::optional<Mutant> MutantNamed(const std::string& name) {
  for (size_t i = 0; i < kMutants; ++i) {
    if (name == NameOf(static_cast<Mutant>(i))) return static_cast<Mutant>(i);
  }
  return std::nullopt;
}

bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      arguments->verbose = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* value = argv[++i];
    if (name == "--seeds") {
      char* dash = nullptr;
      arguments->first = std::strtoull(value, &dash, 10);
      if (*dash != '-') return false;
      arguments->last = std::strtoull(dash + 1, nullptr, 10);
    } else if (name == "--seconds") {
      arguments->seconds = std::strtod(value, nullptr);
    } else if (name == "--minutes") {
      arguments->minutes = std::strtod(value, nullptr);
    } else if (name == "--mutant") {
      const std::optional<Mutant> mutant = MutantNamed(value);
      if (!mutant.has_value()) return false;
      arguments->mutant = *mutant;
    } else {
      return false;
    }
  }
  return arguments->last >= arguments->first && arguments->seconds >= 1;
}

// In this process, where a debugger sees it; or with a mutant.
int RunPlainly(const Arguments& arguments) {
  for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    RunOptions options = RunOptions::Draw(seed, arguments.seconds);
    options.verbose = arguments.verbose;
    options.mutant = arguments.mutant;
    const Plan plan = Plan::Draw(options);
    if (arguments.verbose) {
      std::printf("%s\n%s", TextOf(options).c_str(), TextOf(plan).c_str());
      std::fflush(stdout);
    }
    const RunResult result = arguments.verbose
                                 ? Simulate(options, plan)
                                 : SimulateIsolated(options, plan);
    if (arguments.verbose) std::printf("trace %016" PRIx64 "\n", result.trace);
    if (result.breach.empty()) continue;
    std::printf("seed %" PRIu64 "%s: %s\n", seed, result.died ? " died" : "",
                result.breach.c_str());
    return 1;
  }
  return 0;
}

int RunSeeds(const Arguments& arguments) {
  SeedRunner runner(arguments.seconds);
  uint64_t failures = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  };
  for (uint64_t seed = arguments.first;
       seed <= arguments.last && elapsed() < 60 * arguments.minutes; ++seed) {
    const std::string breach = runner.Run(seed);
    if (breach.empty()) continue;
    ++failures;
    std::printf("FAILED seed %" PRIu64 ": %s\n", seed,
                failures <= kReportsMax
                    ? runner.Report(seed, breach, kMinimizeRunsMax).c_str()
                    : breach.c_str());
    std::fflush(stdout);
  }
  std::printf("%s", TableOf(runner.counts()).c_str());
  const std::string empty = Vacuous(runner.counts());
  if (!empty.empty()) std::printf("never:\n%s", empty.c_str());
  std::printf(
      "%.1f s, %.0f simulated seconds per second; %" PRIu64 " failed\n",
      elapsed(),
      static_cast<double>(runner.counts().simulated_us) / 1e6 / elapsed(),
      failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kappa::node_simulation

int main(int argc, char** argv) {
  using namespace kappa::node_simulation;
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fprintf(stderr,
                 "usage: simulate --seeds A-B [--seconds S] [--minutes M] "
                 "[--mutant NAME] [--verbose]\n");
    return 2;
  }
  return arguments.verbose || arguments.mutant != Mutant::kNone
             ? RunPlainly(arguments)
             : RunSeeds(arguments);
}
