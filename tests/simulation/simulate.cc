// simulate: any number of seeds, in pieces, or one again.
//
//   simulate --seeds A-B [--seconds S] [--groups N] [--out FILE] [--verbose]
//
// Seeds A to B, S simulated seconds each (20). With --groups, runs of N groups.
// With --out, stretches of 50 seeds that the file says were run with this core
// are left out, and a line is added for each one that was. With --verbose each
// event of interest is printed. Exit code 1 after a breach, 2 for a wrong
// command line.
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/simulation/core_digest.h"
#include "tests/simulation/results_file.h"
#include "tests/simulation/seed_runner.h"
#include "tests/simulation/simulation.h"

namespace kappa::simulation {
namespace {

constexpr uint64_t kStretch = 50;
constexpr size_t kMinimizeRunsMax = 150;
constexpr size_t kReportsMax = 5;

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 0;
  double seconds = 20;
  size_t groups = 0;
  std::string out;
  bool verbose = false;
};

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
    } else if (name == "--groups") {
      arguments->groups = std::strtoull(value, nullptr, 10);
    } else if (name == "--out") {
      arguments->out = value;
    } else {
      return false;
    }
  }
  return arguments->last >= arguments->first && arguments->seconds >= 1;
}

// The commit of the working tree that the program was started from.
std::string Commit() {
  const char* tree = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  const std::string command = "git -C " +
                              std::string(tree == nullptr ? "." : tree) +
                              " rev-parse HEAD 2>/dev/null";
  std::string commit;
  if (FILE* output = popen(command.c_str(), "r")) {
    char line[64] = {};
    if (std::fgets(line, sizeof(line), output) != nullptr) commit = line;
    pclose(output);
  }
  while (!commit.empty() && commit.back() == '\n') commit.pop_back();
  return commit.empty() ? "unknown" : commit;
}

// One seed in this process, where a debugger sees it.
int RunVerbosely(const Arguments& arguments) {
  for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    SimulationOptions options =
        SeedRunner(arguments.seconds, arguments.groups).OptionsOf(seed);
    options.verbose = true;
    const FaultPlan plan = FaultPlan::Draw(options);
    std::printf("%s\n%s", TextOf(options).c_str(), TextOf(plan).c_str());
    std::fflush(stdout);
    const RunResult result = Simulation(options, plan).Run();
    std::printf("trace %016" PRIx64 "\n%s\n", result.trace,
                result.breach.c_str());
    if (!result.breach.empty()) return 1;
  }
  return 0;
}

int RunSeeds(const Arguments& arguments) {
  ResultsFile file(
      arguments.out,
      ResultsKey{Commit(), kCoreDigest, arguments.seconds, arguments.groups});
  RunCounts counts;
  uint64_t failures = file.failures_before();
  size_t reports = 0;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t first = arguments.first; first <= arguments.last;
       first += kStretch) {
    const uint64_t last = std::min(first + kStretch - 1, arguments.last);
    if (file.IsDone(first, last)) continue;
    SeedRunner runner(arguments.seconds, arguments.groups);
    for (uint64_t seed = first; seed <= last; ++seed) {
      if (runner.Run(seed)) continue;
      ++failures;
      const SeedFailure& failure = runner.failures().back();
      if (reports++ < kReportsMax) {
        std::printf("FAILED %s\n",
                    runner.Report(failure, kMinimizeRunsMax).c_str());
      } else {
        std::printf("FAILED seed %" PRIu64 ": %s\n", failure.seed,
                    failure.breach.c_str());
      }
      std::fflush(stdout);
    }
    file.Add(first, last, runner);
    counts.Add(runner.counts());
  }
  const double elapsed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  std::printf("%s", TableOf(counts).c_str());
  const std::string empty = EmptyCells(counts);
  if (!empty.empty()) std::printf("empty cells:\n%s", empty.c_str());
  std::printf("core %.12s, %.1f s, %.0f simulated seconds per second; %" PRIu64
              " seeds before; %" PRIu64 " failed\n",
              kCoreDigest, elapsed,
              static_cast<double>(counts.simulated_us) / 1e6 / elapsed,
              file.seeds_before(), failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kappa::simulation

int main(int argc, char** argv) {
  kappa::simulation::Arguments arguments;
  if (!kappa::simulation::Parse(argc, argv, &arguments)) {
    std::fprintf(stderr,
                 "usage: simulate --seeds A-B [--seconds S] [--groups N] "
                 "[--out FILE] [--verbose]\n");
    return 2;
  }
  return arguments.verbose ? kappa::simulation::RunVerbosely(arguments)
                           : kappa::simulation::RunSeeds(arguments);
}
