// RunCounts: what happened in simulated runs, to show that none was vacuous.
#ifndef KAPPA_TESTS_SIMULATION_RUN_COUNTS_H_
#define KAPPA_TESTS_SIMULATION_RUN_COUNTS_H_

#include <cstdint>
#include <string>

#include "tests/simulation/fault.h"

namespace kappa::simulation {

// A set of situations, one bit each.
using Situations = uint8_t;
constexpr Situations BitOf(Situation situation) {
  return static_cast<Situations>(1u << static_cast<unsigned>(situation));
}

// Plain numbers, so that a run in a process of its own can hand them over as
// bytes.
struct RunCounts {
  // How often a fault struck a group in a situation, and at all.
  uint64_t cells[kFaultKinds][kSituations] = {};
  uint64_t struck[kFaultKinds] = {};

  uint64_t runs = 0;
  uint64_t simulated_us = 0;
  uint64_t events = 0;
  uint64_t messages = 0;
  uint64_t proposals = 0;
  uint64_t refused = 0;
  uint64_t commits = 0;
  uint64_t leader_changes = 0;
  uint64_t configurations_finished = 0;
  uint64_t reads_confirmed = 0;
  uint64_t reads_refused = 0;
  uint64_t leases_used = 0;  // reads confirmed while a lease was held
  uint64_t transfers_done = 0;
  uint64_t cycles = 0;
  uint64_t cycles_lost = 0;
  uint64_t bases_installed = 0;
  uint64_t entries_fetched = 0;
  uint64_t entries_repaired = 0;
  uint64_t amnesiacs_found = 0;
  uint64_t replicas_replaced = 0;
  uint64_t wakes = 0;  // a quiescent core was woken

  // One fault befell a group that was in `situations`.
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
// The cells of the table that are 0, as "fault x situation", one a line.
std::string EmptyCells(const RunCounts& counts);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_RUN_COUNTS_H_
