#include "tests/simulation/minimize.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace kappa::simulation {
namespace {

FaultPlan PlanOf(size_t count) {
  FaultPlan plan;
  plan.message_faults = {FaultKind::kLoss, FaultKind::kDelay};
  for (size_t i = 0; i < count; ++i) {
    Fault fault;
    fault.number = static_cast<uint32_t>(i + 1);
    fault.kind = i % 2 == 0 ? FaultKind::kCrash : FaultKind::kPause;
    plan.faults.push_back(fault);
  }
  return plan;
}

bool Has(const FaultPlan& plan, uint32_t number) {
  return std::any_of(
      plan.faults.begin(), plan.faults.end(),
      [&](const Fault& fault) { return fault.number == number; });
}

TEST(MinimizeTest, KeepsOnlyWhatTheFailureNeeds) {
  const FaultPlan few = Minimize(PlanOf(40), 1000, [](const FaultPlan& plan) {
    return Has(plan, 7) && Has(plan, 31) &&
           plan.message_faults.contains(FaultKind::kDelay);
  });
  ASSERT_EQ(few.faults.size(), 2u);
  EXPECT_EQ(few.faults[0].number, 7u);
  EXPECT_EQ(few.faults[1].number, 31u);
  EXPECT_EQ(few.message_faults, std::set<FaultKind>{FaultKind::kDelay});
}

TEST(MinimizeTest, AFailureWithoutFaultsNeedsNone) {
  const FaultPlan few =
      Minimize(PlanOf(10), 1000, [](const FaultPlan&) { return true; });
  EXPECT_TRUE(few.faults.empty());
  EXPECT_TRUE(few.message_faults.empty());
}

TEST(MinimizeTest, StopsAfterItsRuns) {
  size_t runs = 0;
  Minimize(PlanOf(40), 5, [&](const FaultPlan&) {
    ++runs;
    return false;
  });
  EXPECT_EQ(runs, 5u);
}

}  // namespace
}  // namespace kappa::simulation
