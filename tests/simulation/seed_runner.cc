#include "tests/simulation/seed_runner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/isolated_run.h"
#include "tests/simulation/minimize.h"

namespace kappa::simulation {
namespace {

constexpr uint64_t kTraceSample = 25;

}  // namespace

SimulationOptions SeedRunner::OptionsOf(uint64_t seed) const {
  return groups_ == 0
             ? SimulationOptions::Draw(seed, seconds_)
             : SimulationOptions::DrawManyGroups(seed, groups_, seconds_);
}

bool SeedRunner::Run(uint64_t seed) {
  const SimulationOptions options = OptionsOf(seed);
  const FaultPlan plan = FaultPlan::Draw(options);
  IsolatedResult result = RunIsolated(options, plan);
  if (result.run.breach.empty() && seed % kTraceSample == 0 &&
      RunIsolated(options, plan).run.trace != result.run.trace) {
    result.run.breach = "a second run gives another trace";
  }
  counts_.Add(result.run.counts);
  commits_.push_back(result.run.counts.commits);
  leader_changes_.push_back(result.run.counts.leader_changes);
  configurations_.push_back(result.run.counts.configurations_finished);
  if (result.run.breach.empty()) return true;
  failures_.push_back(SeedFailure{seed, result.run.breach});
  return false;
}

uint64_t SeedRunner::Median(std::vector<uint64_t> numbers) {
  if (numbers.empty()) return 0;
  const auto middle =
      numbers.begin() + static_cast<ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

std::string SeedRunner::Report(const SeedFailure& failure,
                               size_t runs_max) const {
  const SimulationOptions options = OptionsOf(failure.seed);
  const FaultPlan plan = FaultPlan::Draw(options);
  std::string text = absl::StrCat(
      TextOf(options), "\n", failure.breach,
      "\nreplay: bazel run //tests/simulation:simulate -- --seeds ",
      failure.seed, "-", failure.seed, " --seconds ", seconds_);
  if (groups_ > 0) absl::StrAppend(&text, " --groups ", groups_);
  absl::StrAppend(&text, " --verbose\n");
  const FaultPlan few = Minimize(plan, runs_max, [&](const FaultPlan& less) {
    return !RunIsolated(options, less).run.breach.empty();
  });
  absl::StrAppend(&text, few.faults.size() + few.message_faults.size(), " of ",
                  plan.faults.size() + plan.message_faults.size(),
                  " faults are enough:\n", TextOf(few));
  return text;
}

}  // namespace kappa::simulation
