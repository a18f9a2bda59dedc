// World: what the nodes of a simulated run share.
#ifndef KAPPA_TESTS_SIMULATION_WORLD_H_
#define KAPPA_TESTS_SIMULATION_WORLD_H_

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "tests/simulation/breach.h"
#include "tests/simulation/event_queue.h"
#include "tests/simulation/group_state.h"
#include "tests/simulation/random_source.h"
#include "tests/simulation/run_counts.h"
#include "tests/simulation/simulated_network.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {

// Time, the network, the groups and everything that is counted.
//
// Thread safety: thread-compatible.
struct World {
  explicit World(const SimulationOptions& run)
      : options(run),
        network(run.nodes, run.network, RandomSource(run.seed, 3)) {}

  int64_t now_us() const { return queue.now_us(); }
  Situations SituationsOf(uint32_t group) const {
    return groups[group].SituationsAt(now_us());
  }
  // The same seed must give the same trace.
  void Trace(uint64_t value) { trace = Mix(trace, value); }
  void Strike(FaultKind kind, uint32_t group) {
    counts.Strike(kind, SituationsOf(group));
  }
  // A line of what happens, for whoever replays a seed.
  void Log(absl::string_view text) const {
    if (!options.verbose) return;
    std::printf("%10.6f %.*s\n", static_cast<double>(now_us()) / 1e6,
                static_cast<int>(text.size()), text.data());
  }
  bool IsMutant(OwnerMutant mutant) const { return options.mutant == mutant; }

  const SimulationOptions options;
  EventQueue queue;
  SimulatedNetwork network;
  std::deque<GroupState> groups;
  RunCounts counts;
  Breach breach;
  uint64_t trace = 0;
  uint64_t next_read = 1;
  bool healed = false;  // the liveness phase has begun

  MessageEncoder encoder;
  MessageDecoder decoder;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_WORLD_H_
