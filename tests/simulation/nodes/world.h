// World: what all parts of a run share: time, chance, and what was found.
#ifndef KAPPA_TESTS_SIMULATION_NODES_WORLD_H_
#define KAPPA_TESTS_SIMULATION_NODES_WORLD_H_

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "proto/wire/clock.h"
#include "tests/simulation/nodes/run_counts.h"
#include "tests/simulation/nodes/run_options.h"
#include "tests/simulation/random_source.h"

namespace kappa::node_simulation {

// Everything happens in steps of this length.
inline constexpr int64_t kStepUs = 1'000;
// The wall clock as a run begins: 2026-01-01T00:00:00Z.
inline constexpr int64_t kWallUs = 1'767'225'600'000'000;

// Thread safety: thread-compatible.
struct World {
  explicit World(const RunOptions& options_in)
      : options(options_in),
        schedule(options_in.seed, 10),
        network(options_in.seed, 11),
        disks(options_in.seed, 12),
        ids(options_in.seed, 13) {}

  // Records that a property does not hold; the first one counts.
  void Fail(std::string_view what) {
    Say(what);
    if (!breach.empty()) return;
    breach = "at " + std::to_string(static_cast<double>(now_us) / 1e6) + " s: ";
    breach += what;
  }
  // Mixes what happened into the trace by which two runs are compared.
  void Trace(uint64_t what, uint64_t value) {
    trace = simulation::Mix(trace ^ what, value);
  }
  void Trace(uint64_t what, std::string_view text) {
    for (const char c : text) trace = simulation::Mix(trace, c);
    Trace(what, text.size());
  }
  void Say(std::string_view text) const {
    if (!options.verbose) return;
    std::printf("%9.3f %.*s\n", static_cast<double>(now_us) / 1e6,
                static_cast<int>(text.size()), text.data());
    std::fflush(stdout);
  }

  const RunOptions options;
  int64_t now_us = 0;
  // One for each part: leaving out a fault leaves others' draws as they are.
  simulation::RandomSource schedule;
  simulation::RandomSource network;
  simulation::RandomSource disks;
  simulation::RandomSource ids;
  RunCounts counts;
  uint64_t trace = 0;
  std::string breach;
};

// A node's clocks.
class NodeClock final : public Clock {
 public:
  explicit NodeClock(const World* world) : world_(world) {}
  int64_t NowUs() const override { return kWallUs + world_->now_us + ahead_us; }
  int64_t MonotonicUs() const override {
    if (dying) dying_us_ += 1'000'000;
    return world_->now_us + since_us + dying_us_;
  }

  // From now on its own time passes with each look, although that of the world
  // stands still: whatever is waited for is soon over.
  bool dying = false;
  int64_t ahead_us = 0;          // of the wall clock
  int64_t since_us = 1'000'000;  // the machine runs longer than the run

 private:
  const World* const world_;
  mutable int64_t dying_us_ = 0;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_WORLD_H_
