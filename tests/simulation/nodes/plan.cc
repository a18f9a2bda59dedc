#include "tests/simulation/nodes/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/simulation/random_source.h"

namespace kappa::node_simulation {
namespace {

constexpr size_t kEventKinds = kFaultKinds - kMessageFaultKinds;
constexpr uint64_t kTriggered = 4;

FaultKind EventKindOf(uint64_t number) {
  return static_cast<FaultKind>(kMessageFaultKinds + number % kEventKinds);
}

uint32_t WeightOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kCrash:
    case FaultKind::kTransfer:
    case FaultKind::kReplicas:
      return 4;
    case FaultKind::kPowerCut:
    case FaultKind::kNodeAdded:
      return 1;
    default:
      return 2;
  }
}

Fault DrawFault(simulation::RandomSource* random, FaultKind kind,
                int64_t until_us) {
  Fault fault;
  fault.kind = kind;
  fault.at_us = random->Between(300'000, std::max<int64_t>(until_us, 300'000));
  fault.duration_us = random->OneIn(4) ? random->Between(1'000'000, 4'000'000)
                                       : random->Between(50'000, 1'200'000);
  fault.choice = random->Next();
  return fault;
}

}  // namespace

const char* NameOf(FaultKind kind) {
  static constexpr const char* kNames[kFaultKinds] = {
      "loss",       "delay",        "reordering",  "cut_minority",
      "cut_leader", "one_way",      "disconnect",  "crash",
      "torn_crash", "power_cut",    "pause",       "clock_jump",
      "slow_disk",  "failing_disk", "full_disk",   "transfer",
      "restart",    "node_added",   "replicas",    "topic_changes",
      "disk_wiped", "old_image",    "crash_meets", "cut_meets"};
  return kNames[static_cast<size_t>(kind)];
}

const char* NameOf(Situation situation) {
  static constexpr const char* kNames[kSituations] = {
      "election", "tail", "members", "transfer", "catch_up", "metadata"};
  return kNames[static_cast<size_t>(situation)];
}

Plan Plan::Draw(const RunOptions& options) {
  Plan plan;
  if (options.wildness == 0) return plan;
  simulation::RandomSource random(options.seed, 2);
  for (size_t i = 0; i < kMessageFaultKinds; ++i) {
    if (random.OneIn(2)) plan.message_faults.insert(static_cast<FaultKind>(i));
  }
  // Some kinds are left out of a run, so that others get their chance.
  std::vector<FaultKind> urn;
  for (size_t i = 0; i < kEventKinds; ++i) {
    if (random.OneIn(3)) continue;
    urn.insert(urn.end(), WeightOf(EventKindOf(i)), EventKindOf(i));
  }
  static constexpr double kPerSecond[] = {0, 0.5, 1.2, 2.5};
  const int64_t count =
      1 + static_cast<int64_t>(options.seconds * kPerSecond[options.wildness]);
  const int64_t until_us = static_cast<int64_t>(options.seconds * 1e6);
  for (int64_t i = 0; i < count && !urn.empty(); ++i) {
    plan.faults.push_back(
        DrawFault(&random, urn[random.Below(urn.size())], until_us));
  }
  for (uint64_t i = 0; i < kTriggered; ++i) {
    const uint64_t cell = options.seed * kTriggered + i;
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

bool Plan::Contains(FaultKind kind) const {
  return message_faults.contains(kind) ||
         std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& fault) { return fault.kind == kind; });
}

Plan Plan::WithoutKind(FaultKind kind) const {
  Plan plan = *this;
  plan.message_faults.erase(kind);
  std::erase_if(plan.faults,
                [&](const Fault& fault) { return fault.kind == kind; });
  return plan;
}

std::string TextOf(const Fault& fault) {
  std::string text = absl::StrFormat(
      "#%d %s at %.3f s for %.3f s", fault.number, NameOf(fault.kind),
      fault.at_us / 1e6, fault.duration_us / 1e6);
  if (fault.trigger.has_value()) {
    absl::StrAppend(&text, " or later, in: ", NameOf(*fault.trigger));
  }
  return text;
}

std::string TextOf(const Plan& plan) {
  std::string text;
  for (FaultKind kind : plan.message_faults) {
    absl::StrAppend(&text, NameOf(kind), " of messages\n");
  }
  for (const Fault& fault : plan.faults) {
    absl::StrAppend(&text, TextOf(fault), "\n");
  }
  return text.empty() ? "no fault at all\n" : text;
}

}  // namespace kappa::node_simulation
