#include "tests/simulation/run_counts.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kappa::simulation {
namespace {

constexpr size_t kNumbers = sizeof(RunCounts) / sizeof(uint64_t);
static_assert(sizeof(RunCounts) == kNumbers * sizeof(uint64_t),
              "nothing but numbers of 64 bits");

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
  std::string text = absl::StrFormat("%-16s", "fault");
  for (size_t i = 0; i < kSituations; ++i) {
    absl::StrAppendFormat(&text, "%10s", NameOf(static_cast<Situation>(i)));
  }
  absl::StrAppendFormat(&text, "%12s\n", "in all");
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    absl::StrAppendFormat(&text, "%-16s", NameOf(static_cast<FaultKind>(kind)));
    for (uint64_t cell : counts.cells[kind]) {
      absl::StrAppendFormat(&text, "%10d", cell);
    }
    absl::StrAppendFormat(&text, "%12d\n", counts.struck[kind]);
  }
  absl::StrAppendFormat(
      &text,
      "%d runs, %.2f simulated hours, %d events, %d messages\n"
      "%d proposals, %d refused, %d commits, %d leader changes, %d "
      "configuration changes finished\n"
      "%d reads confirmed (%d under a lease), %d refused, %d transfers done\n"
      "%d cycles, %d lost in crashes, %d bases installed, %d entries fetched, "
      "%d repaired\n"
      "%d amnesiac disks found, %d replicas replaced, %d wakes\n",
      counts.runs, static_cast<double>(counts.simulated_us) / 3.6e9,
      counts.events, counts.messages, counts.proposals, counts.refused,
      counts.commits, counts.leader_changes, counts.configurations_finished,
      counts.reads_confirmed, counts.leases_used, counts.reads_refused,
      counts.transfers_done, counts.cycles, counts.cycles_lost,
      counts.bases_installed, counts.entries_fetched, counts.entries_repaired,
      counts.amnesiacs_found, counts.replicas_replaced, counts.wakes);
  return text;
}

std::string EmptyCells(const RunCounts& counts) {
  std::string text;
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    for (size_t situation = 0; situation < kSituations; ++situation) {
      if (counts.cells[kind][situation] > 0) continue;
      absl::StrAppend(&text, NameOf(static_cast<FaultKind>(kind)), " x ",
                      NameOf(static_cast<Situation>(situation)), "\n");
    }
  }
  return text;
}

}  // namespace kappa::simulation
