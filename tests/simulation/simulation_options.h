// SimulationOptions: the shape of one simulated run, drawn from its seed.
#ifndef KAPPA_TESTS_SIMULATION_SIMULATION_OPTIONS_H_
#define KAPPA_TESTS_SIMULATION_SIMULATION_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "raft/core_options.h"
#include "tests/simulation/owner_mutant.h"
#include "tests/simulation/simulated_network.h"

namespace kappa::simulation {

// One tick of a core's clock, in simulated time. Elections wait 300 ms to 1 s.
inline constexpr int64_t kTickUs = 20'000;

struct SimulationOptions {
  uint64_t seed = 0;
  size_t nodes = 3;                  // 3 to 7
  size_t groups = 1;                 // 1 to 8; more in runs of their own
  size_t voters = 3;                 // of each group's first configuration
  int64_t duration_us = 20'000'000;  // of the safety phase
  raft::CoreOptions core;  // self, group, instance, seed are set for each
  bool priorities_differ = false;

  NetworkRates network;
  int64_t sync_us_min = 200;
  int64_t sync_us_max = 2'000;
  size_t cycles_in_flight_max = 1;
  int64_t work_delay_us_max = 100;  // from an input to the output being taken
  uint32_t late_completion_ppm = 0;
  uint32_t lost_completion_ppm = 0;  // one of a later write stands for it

  uint32_t proposals_per_second = 55;
  uint32_t reads_per_second = 10;
  uint64_t payload_bytes_max = 4'000;
  uint64_t state_bytes_max = 0;  // of a trimmed log's base

  // How many faults: 0 none, 1 calm, 2 usual, 3 wild.
  unsigned wildness = 2;
  OwnerMutant mutant = OwnerMutant::kNone;
  bool verbose = false;  // print what happens

  // A run of `groups` at most, with faults at rates of its own.
  static SimulationOptions Draw(uint64_t seed, double seconds);
  // Thousands of groups, most of them idle and asleep.
  static SimulationOptions DrawManyGroups(uint64_t seed, size_t groups,
                                          double seconds);

  int64_t election_us() const {
    return static_cast<int64_t>(core.election_ticks) * kTickUs;
  }
};

// One line: what was drawn.
std::string TextOf(const SimulationOptions& options);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_SIMULATION_OPTIONS_H_
