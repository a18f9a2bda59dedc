#include "tests/simulation/fault_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/random_source.h"

namespace kappa::simulation {
namespace {

constexpr size_t kEventKinds = kFaultKinds - kMessageFaultKinds;

FaultKind EventKindOf(uint64_t number) {
  return static_cast<FaultKind>(kMessageFaultKinds + number % kEventKinds);
}

// Relative frequencies; what makes a run interesting comes more often.
uint32_t WeightOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kMembershipChange:
      return 8;
    case FaultKind::kTransfer:
    case FaultKind::kCrash:
    case FaultKind::kTrim:
    case FaultKind::kBitRot:
      return 4;
    case FaultKind::kPowerCut:
    case FaultKind::kOldDiskImage:
    case FaultKind::kLostDisk:
      return 1;
    default:
      return 2;
  }
}

Fault DrawFault(RandomSource* random, FaultKind kind, int64_t until_us) {
  Fault fault;
  fault.kind = kind;
  fault.at_us = random->Between(500'000, std::max<int64_t>(until_us, 500'000));
  fault.duration_us = random->OneIn(4) ? random->Between(1'000'000, 4'000'000)
                                       : random->Between(50'000, 1'500'000);
  fault.choice = random->Next();
  return fault;
}

}  // namespace

FaultPlan FaultPlan::Draw(const SimulationOptions& options) {
  FaultPlan plan;
  RandomSource random(options.seed, 2);
  for (size_t i = 0; i < kMessageFaultKinds; ++i) {
    if (!random.OneIn(4)) plan.message_faults.insert(static_cast<FaultKind>(i));
  }
  // Some kinds are left out of a run, so that others get their chance.
  std::vector<FaultKind> urn;
  for (size_t i = 0; i < kEventKinds; ++i) {
    const FaultKind kind = EventKindOf(i);
    const bool always = kind == FaultKind::kMembershipChange;
    if (!always && random.OneIn(3)) continue;
    urn.insert(urn.end(), WeightOf(kind), kind);
  }
  const int64_t seconds = options.duration_us / 1'000'000;
  static constexpr int64_t kPerTenSeconds[] = {0, 6, 14, 30};
  const int64_t count = 2 + seconds * kPerTenSeconds[options.wildness] / 10;
  // The last second is left for what was begun.
  const int64_t until_us = options.duration_us - 1'000'000;
  for (int64_t i = 0; i < count && options.wildness > 0; ++i) {
    plan.faults.push_back(
        DrawFault(&random, urn[random.Below(urn.size())], until_us));
  }
  for (uint64_t i = 0; i < 2 && options.wildness > 0; ++i) {
    const uint64_t cell = options.seed * 2 + i;
    Fault fault = DrawFault(&random, EventKindOf(cell), until_us / 2);
    fault.trigger = static_cast<Situation>(cell / kEventKinds % kSituations);
    plan.faults.push_back(fault);
  }
  std::stable_sort(
      plan.faults.begin(), plan.faults.end(),
      [](const Fault& a, const Fault& b) { return a.at_us < b.at_us; });
  for (size_t i = 0; i < plan.faults.size(); ++i) {
    plan.faults[i].number = static_cast<uint32_t>(i + 1);
  }
  return plan;
}

FaultPlan FaultPlan::WithoutKind(FaultKind kind) const {
  FaultPlan plan = *this;
  plan.message_faults.erase(kind);
  std::erase_if(plan.faults,
                [&](const Fault& fault) { return fault.kind == kind; });
  return plan;
}

FaultPlan FaultPlan::WithoutFault(uint32_t number) const {
  FaultPlan plan = *this;
  std::erase_if(plan.faults,
                [&](const Fault& fault) { return fault.number == number; });
  return plan;
}

bool FaultPlan::Contains(FaultKind kind) const {
  return message_faults.contains(kind) ||
         std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& fault) { return fault.kind == kind; });
}

std::string TextOf(const FaultPlan& plan) {
  std::string text;
  for (FaultKind kind : plan.message_faults) {
    absl::StrAppend(&text, NameOf(kind), " of packets\n");
  }
  for (const Fault& fault : plan.faults) {
    absl::StrAppend(&text, TextOf(fault), "\n");
  }
  return text.empty() ? "no fault at all\n" : text;
}

}  // namespace kappa::simulation
