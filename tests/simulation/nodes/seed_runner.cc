#include "tests/simulation/nodes/seed_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::node_simulation {
namespace {

constexpr uint64_t kTraceSample = 10;

}  // namespace

std::string SeedRunner::Run(uint64_t seed) {
  const RunOptions options = RunOptions::Draw(seed, seconds_);
  const Plan plan = Plan::Draw(options);
  const RunResult result = SimulateIsolated(options, plan);
  counts_.Add(result.counts);
  if (!result.breach.empty() || seed % kTraceSample != 0) return result.breach;
  return SimulateIsolated(options, plan).trace == result.trace
             ? ""
             : "a second run gives another trace";
}

std::string SeedRunner::Report(uint64_t seed, const std::string& breach,
                               size_t runs_max) const {
  const RunOptions options = RunOptions::Draw(seed, seconds_);
  const Plan plan = Plan::Draw(options);
  const Plan few = Minimize(options, plan, runs_max);
  return absl::StrCat(
      TextOf(options), "\n", breach,
      "\nreplay: bazel run //tests/simulation/nodes:simulate -- --seeds ", seed,
      "-", seed, " --seconds ", seconds_, " --verbose\n",
      few.faults.size() + few.message_faults.size(), " of ",
      plan.faults.size() + plan.message_faults.size(), " faults are enough:\n",
      TextOf(few));
}

Plan Minimize(const RunOptions& options, Plan plan, size_t runs_max) {
  size_t runs = 0;
  const auto still_fails = [&](Plan less) {
    if (runs == runs_max) return false;
    ++runs;
    if (SimulateIsolated(options, less).breach.empty()) return false;
    plan = std::move(less);
    return true;
  };
  for (size_t i = 0; i < kFaultKinds; ++i) {
    const FaultKind kind = static_cast<FaultKind>(i);
    if (plan.Contains(kind)) still_fails(plan.WithoutKind(kind));
  }
  for (size_t stretch = plan.faults.size() / 2; stretch > 0; stretch /= 2) {
    for (size_t begin = 0; begin < plan.faults.size();) {
      const size_t count = std::min(stretch, plan.faults.size() - begin);
      Plan less = plan;
      const auto first = less.faults.begin() + static_cast<ptrdiff_t>(begin);
      less.faults.erase(first, first + static_cast<ptrdiff_t>(count));
      if (!still_fails(std::move(less))) begin += count;
    }
  }
  return plan;
}

}  // namespace kappa::node_simulation
