// RunCounts: what happened in runs, to show that none was vacuous.
#ifndef KAPPA_TESTS_SIMULATION_NODES_RUN_COUNTS_H_
#define KAPPA_TESTS_SIMULATION_NODES_RUN_COUNTS_H_

#include <cstdint>
#include <string>

#include "tests/simulation/nodes/plan.h"

namespace kappa::node_simulation {

// A set of situations, one bit each.
using Situations = uint8_t;
constexpr Situations BitOf(Situation situation) {
  return static_cast<Situations>(1u << static_cast<unsigned>(situation));
}

// Plain numbers: a run in a process of its own hands them over as bytes.
struct RunCounts {
  uint64_t cells[kFaultKinds][kSituations] = {};
  uint64_t struck[kFaultKinds] = {};

  uint64_t runs = 0;
  uint64_t simulated_us = 0;
  uint64_t starts = 0;            // of processes
  uint64_t starts_cut_short = 0;  // it died before it served
  uint64_t messages = 0;
  uint64_t messages_lost = 0;
  uint64_t calls = 0;   // between nodes
  uint64_t cycles = 0;  // of disks
  uint64_t batches_acknowledged = 0;
  uint64_t batches_unknown = 0;  // attempts
  uint64_t batches_refused = 0;  // attempts
  uint64_t duplicates = 0;       // a repetition was recognised
  uint64_t conditional_stored = 0;
  uint64_t conditional_refused = 0;
  uint64_t fenced = 0;
  uint64_t reads = 0;
  uint64_t replays_resumed = 0;  // at another node, in the middle
  uint64_t ends_confirmed = 0;
  uint64_t not_leader_followed = 0;
  uint64_t topics_made = 0;
  uint64_t replica_updates = 0;
  uint64_t leader_changes = 0;
  uint64_t member_changes = 0;  // finished
  uint64_t nodes_joined = 0;
  uint64_t disks_forgetful = 0;  // found to be, by what others remember
  uint64_t disks_replaced = 0;   // nodes taken in anew

  void Strike(FaultKind kind, Situations situations) {
    const size_t row = static_cast<size_t>(kind);
    ++struck[row];
    for (size_t i = 0; i < kSituations; ++i) {
      cells[row][i] += (situations >> i) & 1;
    }
  }
  void Add(const RunCounts& other);
};

// The table fault x situation, and the figures under it.
std::string TableOf(const RunCounts& counts);
// Cells of the table, and figures, that are 0, one a line.
std::string Vacuous(const RunCounts& counts);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_RUN_COUNTS_H_
