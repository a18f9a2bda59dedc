#include "tests/simulation/simulation_options.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "tests/simulation/random_source.h"

namespace kappa::simulation {
namespace {

uint32_t Pick(RandomSource* random, std::initializer_list<uint32_t> values) {
  return *(values.begin() + random->Below(values.size()));
}

void DrawCore(RandomSource* random, raft::CoreOptions* core) {
  core->election_ticks = static_cast<uint32_t>(random->Between(15, 25));
  core->heartbeat_ticks = static_cast<uint32_t>(random->Between(3, 5));
  core->pre_vote = !random->OneIn(5);
  core->check_quorum = !random->OneIn(5);
  if (core->check_quorum && random->OneIn(3)) {
    core->lease_ticks = core->election_ticks / 2;
  }
  core->write_stall_ticks = Pick(random, {0, 15, 30});
  if (random->OneIn(3)) core->quiesce_ticks = Pick(random, {10, 25, 50});
  core->uncommitted_bytes_max = Pick(random, {8'000, 64'000, 1 << 20});
  core->request_entries_max = Pick(random, {1, 4, 32, 256});
  core->request_bytes_max = Pick(random, {3'000, 20'000, 1 << 20});
  core->in_flight_entries_max = Pick(random, {4, 32, 4096});
  core->in_flight_bytes_max = Pick(random, {8'000, 64'000, 8 << 20});
  core->unknown_entry_bytes = 2'000;
  core->catch_up_entries = Pick(random, {0, 8, 24, 60});
  core->base_chunk_bytes = Pick(random, {64, 300, 4096});
}

void DrawNetwork(RandomSource* random, unsigned wildness, NetworkRates* rates) {
  rates->delay_us_min = random->Between(20, 500);
  rates->delay_us_max = rates->delay_us_min +
                        random->Between(50, random->OneIn(4) ? 20'000 : 1'500);
  if (wildness == 0) return;
  const uint32_t scale = wildness == 1 ? 1 : wildness == 2 ? 5 : 20;
  rates->loss_ppm = scale * static_cast<uint32_t>(random->Below(10'000));
  rates->delay_ppm = scale * static_cast<uint32_t>(random->Below(4'000));
  rates->duplication_ppm = scale * static_cast<uint32_t>(random->Below(5'000));
  rates->reordering_ppm = scale * static_cast<uint32_t>(random->Below(5'000));
  rates->fault_delay_us_max = random->Between(10'000, 200'000);
}

}  // namespace

SimulationOptions SimulationOptions::Draw(uint64_t seed, double seconds) {
  RandomSource random(seed, 1);
  SimulationOptions options;
  options.seed = seed;
  options.duration_us = static_cast<int64_t>(seconds * 1e6);
  options.nodes = static_cast<size_t>(random.Between(3, 7));
  options.groups = random.OneIn(2) ? 1
                   : random.OneIn(4)
                       ? static_cast<size_t>(random.Between(4, 8))
                       : static_cast<size_t>(random.Between(2, 3));
  const size_t voters_max = std::min<size_t>(options.nodes, 5);
  options.voters = random.OneIn(8)   ? 1 + random.Below(voters_max)
                   : random.OneIn(2) ? 3
                                     : voters_max;
  options.wildness = random.OneIn(5) ? 1 : random.OneIn(4) ? 3 : 2;
  DrawCore(&random, &options.core);
  options.priorities_differ = random.OneIn(4);
  DrawNetwork(&random, options.wildness, &options.network);
  options.sync_us_max = options.sync_us_min + random.Between(200, 4'000);
  options.cycles_in_flight_max = 1 + random.Below(3);
  options.work_delay_us_max = random.Between(1, 400);
  options.late_completion_ppm = random.OneIn(2) ? 50'000 : 0;
  options.lost_completion_ppm = random.OneIn(2) ? 100'000 : 0;
  options.state_bytes_max = random.OneIn(2) ? 3'000 : 0;
  return options;
}

SimulationOptions SimulationOptions::DrawManyGroups(uint64_t seed,
                                                    size_t groups,
                                                    double seconds) {
  SimulationOptions options = Draw(seed, seconds);
  options.groups = groups;
  options.nodes = 3 + seed % 3;
  options.voters = 3;
  options.core.quiesce_ticks = 25;
  options.core.pre_vote = true;
  options.core.check_quorum = true;
  options.wildness = std::min(options.wildness, 2u);
  options.proposals_per_second = 400;
  return options;
}

std::string TextOf(const SimulationOptions& options) {
  const raft::CoreOptions& core = options.core;
  return absl::StrFormat(
      "seed %d: %d nodes, %d groups of %d voters, election %d ticks, heartbeat "
      "%d, pre-vote %d, check-quorum %d, lease %d, stall %d, quiesce %d, "
      "catch-up %d, priorities %d, wildness %d",
      options.seed, options.nodes, options.groups, options.voters,
      core.election_ticks, core.heartbeat_ticks, core.pre_vote,
      core.check_quorum, core.lease_ticks, core.write_stall_ticks,
      core.quiesce_ticks, core.catch_up_entries, options.priorities_differ,
      options.wildness);
}

}  // namespace kappa::simulation
