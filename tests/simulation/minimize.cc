#include "tests/simulation/minimize.h"

#include <algorithm>
#include <utility>

namespace kappa::simulation {
namespace {

FaultPlan WithoutStretch(const FaultPlan& plan, size_t begin, size_t count) {
  FaultPlan less = plan;
  const auto first = less.faults.begin() + static_cast<ptrdiff_t>(begin);
  less.faults.erase(first, first + static_cast<ptrdiff_t>(count));
  return less;
}

}  // namespace

FaultPlan Minimize(FaultPlan plan, size_t runs_max,
                   const std::function<bool(const FaultPlan&)>& fails) {
  size_t runs = 0;
  const auto still_fails = [&](FaultPlan less) {
    if (runs == runs_max) return false;
    ++runs;
    if (!fails(less)) return false;
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
      if (!still_fails(WithoutStretch(plan, begin, count))) begin += count;
    }
  }
  return plan;
}

}  // namespace kappa::simulation
