#include "tests/simulation/fault.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kappa::simulation {

const char* NameOf(FaultKind kind) {
  static constexpr const char* kNames[kFaultKinds] = {
      "loss",           "delay",       "duplication", "reordering",
      "cut_minority",   "cut_leader",  "one_way",     "bridge",
      "ring",           "crash",       "torn_crash",  "power_cut",
      "pause",          "clock_drift", "slow_disk",   "stalled_store",
      "failing_disk",   "full_disk",   "bit_rot",     "old_disk_image",
      "lost_disk",      "membership",  "transfer",    "trim",
      "replica_dropped"};
  return kNames[static_cast<size_t>(kind)];
}

const char* NameOf(Situation situation) {
  static constexpr const char* kNames[kSituations] = {
      "election", "tail", "joint", "transfer", "catch_up"};
  return kNames[static_cast<size_t>(situation)];
}

std::string TextOf(const Fault& fault) {
  std::string text =
      absl::StrFormat("#%d %s at %.3f s", fault.number, NameOf(fault.kind),
                      static_cast<double>(fault.at_us) / 1e6);
  if (fault.duration_us > 0) {
    absl::StrAppendFormat(&text, " for %.3f s",
                          static_cast<double>(fault.duration_us) / 1e6);
  }
  if (fault.trigger) absl::StrAppend(&text, " during ", NameOf(*fault.trigger));
  return text;
}

}  // namespace kappa::simulation
