#include "tests/simulation/nodes/run_counts.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kappa::node_simulation {
namespace {

constexpr size_t kNumbers = sizeof(RunCounts) / sizeof(uint64_t);
static_assert(sizeof(RunCounts) == kNumbers * sizeof(uint64_t),
              "nothing but numbers of 64 bits");

std::vector<std::pair<const char*, uint64_t>> FiguresOf(
    const RunCounts& counts) {
  return {{"runs", counts.runs},
          {"starts of nodes", counts.starts},
          {"starts cut short", counts.starts_cut_short},
          {"messages", counts.messages},
          {"messages lost", counts.messages_lost},
          {"calls between nodes", counts.calls},
          {"cycles of disks", counts.cycles},
          {"batches acknowledged", counts.batches_acknowledged},
          {"attempts of unknown outcome", counts.batches_unknown},
          {"attempts refused", counts.batches_refused},
          {"repetitions recognised", counts.duplicates},
          {"conditional appends stored", counts.conditional_stored},
          {"conditional appends refused", counts.conditional_refused},
          {"producers fenced", counts.fenced},
          {"reads", counts.reads},
          {"replays that went on elsewhere", counts.replays_resumed},
          {"ends confirmed", counts.ends_confirmed},
          {"redirects followed", counts.not_leader_followed},
          {"topics made", counts.topics_made},
          {"changes of replicas", counts.replica_updates},
          {"changes of leaders", counts.leader_changes},
          {"changes of members", counts.member_changes},
          {"nodes that joined", counts.nodes_joined},
          {"disks found to have forgotten", counts.disks_forgetful},
          {"disks replaced", counts.disks_replaced}};
}

}  // namespace

void RunCounts::Add(const RunCounts& other) {
  uint64_t sums[kNumbers];
  uint64_t added[kNumbers];
  std::memcpy(sums, this, sizeof(sums));
  std::memcpy(added, &other, sizeof(added));
  for (size_t i = 0; i < kNumbers; ++i) sums[i] += added[i];
  std::memcpy(this, sums, sizeof(sums));
}

std::string TableOf(const RunCounts& counts) {
  std::string text = absl::StrFormat("%-14s", "fault");
  for (size_t i = 0; i < kSituations; ++i) {
    absl::StrAppendFormat(&text, "%10s", NameOf(static_cast<Situation>(i)));
  }
  absl::StrAppendFormat(&text, "%10s\n", "in all");
  for (size_t kind = kMessageFaultKinds; kind < kFaultKinds; ++kind) {
    absl::StrAppendFormat(&text, "%-14s", NameOf(static_cast<FaultKind>(kind)));
    for (uint64_t cell : counts.cells[kind]) {
      absl::StrAppendFormat(&text, "%10d", cell);
    }
    absl::StrAppendFormat(&text, "%10d\n", counts.struck[kind]);
  }
  absl::StrAppendFormat(&text, "%.2f simulated hours",
                        static_cast<double>(counts.simulated_us) / 3.6e9);
  for (const auto& [name, figure] : FiguresOf(counts)) {
    absl::StrAppend(&text, ", ", figure, " ", name);
  }
  return absl::StrCat(text, "\n");
}

std::string Vacuous(const RunCounts& counts) {
  std::string text;
  for (size_t kind = kMessageFaultKinds; kind < kFaultKinds; ++kind) {
    for (size_t situation = 0; situation < kSituations; ++situation) {
      if (counts.cells[kind][situation] > 0) continue;
      absl::StrAppend(&text, NameOf(static_cast<FaultKind>(kind)), " x ",
                      NameOf(static_cast<Situation>(situation)), "\n");
    }
  }
  for (const auto& [name, figure] : FiguresOf(counts)) {
    if (figure == 0) absl::StrAppend(&text, name, "\n");
  }
  return text;
}

}  // namespace kappa::node_simulation
