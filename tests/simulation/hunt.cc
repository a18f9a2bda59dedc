// Looks for the first seed that shows each deliberate bug of the owner.
//
//   bazel run //tests/simulation:hunt -- [--seeds N] [--seconds S] [NAME...]
//
// Prints a line a mutant: its name, the seed, and the property that it breaks
// there and that holds without it. One that needs a written plan is hunted only
// if it is named.
// Exit code 1 if one survived.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/isolated_run.h"
#include "tests/simulation/owner_mutant.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {
namespace {

struct HuntOptions {
  uint64_t seeds = 2000;
  uint64_t seconds = 10;
  std::vector<std::string> names;
};

// Returns false if the mutant survived.
bool Hunt(OwnerMutant mutant, const HuntOptions& options) {
  for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
    SimulationOptions drawn =
        SimulationOptions::Draw(seed, static_cast<double>(options.seconds));
    const FaultPlan plan = FaultPlan::Draw(drawn);
    drawn.mutant = mutant;
    const IsolatedResult result = RunIsolated(drawn, plan);
    // Its own CHECK is no property.
    if (result.died || result.run.breach.empty()) continue;
    drawn.mutant = OwnerMutant::kNone;
    if (!RunIsolated(drawn, plan).run.breach.empty()) continue;
    const std::string& breach = result.run.breach;
    std::printf("%s\t%llu\t%s\n", NameOf(mutant),
                static_cast<unsigned long long>(seed),
                breach.substr(0, breach.find('\n')).c_str());
    std::fflush(stdout);
    return true;
  }
  std::printf("%s\tsurvived %llu seeds\n", NameOf(mutant),
              static_cast<unsigned long long>(options.seeds));
  std::fflush(stdout);
  return false;
}

int Main(int argc, char** argv) {
  HuntOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    uint64_t* number = word == "--seeds"     ? &options.seeds
                       : word == "--seconds" ? &options.seconds
                                             : nullptr;
    if (number == nullptr && word.rfind("--", 0) != 0) {
      options.names.push_back(word);
    } else if (number == nullptr || i + 1 == argc ||
               !absl::SimpleAtoi(argv[++i], number)) {
      std::fprintf(stderr, "hunt: '%s' is no option with a number\n",
                   word.c_str());
      return 2;
    }
  }
  bool all_caught = true;
  for (size_t i = 1; i < kOwnerMutants; ++i) {
    const auto mutant = static_cast<OwnerMutant>(i);
    if (options.names.empty() && NeedsWrittenPlan(mutant)) {
      std::printf("%s\tcaught by directed_mutants_test\n", NameOf(mutant));
    } else if (options.names.empty() ||
               std::find(options.names.begin(), options.names.end(),
                         NameOf(mutant)) != options.names.end()) {
      all_caught &= Hunt(mutant, options);
    }
  }
  return all_caught ? 0 : 1;
}

}  // namespace
}  // namespace kappa::simulation

int main(int argc, char** argv) { return kappa::simulation::Main(argc, argv); }
