#include "tests/simulation/simulated_network.h"

#include <algorithm>

namespace kappa::simulation {

SimulatedNetwork::SimulatedNetwork(size_t nodes, const NetworkRates& rates,
                                   RandomSource random)
    : nodes_(nodes), rates_(rates), random_(random), links_(nodes * nodes) {}

void SimulatedNetwork::Heal() {
  rates_.loss_ppm = 0;
  rates_.delay_ppm = 0;
  rates_.duplication_ppm = 0;
  rates_.reordering_ppm = 0;
  // Who is far behind, and is sent one entry at a time, has to get there.
  rates_.delay_us_max = std::min(rates_.delay_us_max, int64_t{2'000});
  rates_.delay_us_min = std::min(rates_.delay_us_min, rates_.delay_us_max);
  for (Link& way : links_) way.cuts = 0;
}

int64_t SimulatedNetwork::SendSafely(size_t from, size_t to, int64_t now_us) {
  Link& way = link(from, to);
  const int64_t at_us =
      now_us + random_.Between(rates_.delay_us_min, rates_.delay_us_max);
  way.newest_arrival_us = std::max(way.newest_arrival_us, at_us);
  return way.newest_arrival_us;
}

SimulatedNetwork::Arrivals SimulatedNetwork::Send(size_t from, size_t to,
                                                  int64_t now_us,
                                                  Situations situations,
                                                  RunCounts* counts) {
  Arrivals arrivals;
  // Drawn whether or not they are used, so that leaving out one fault leaves
  // the others where they were.
  const bool lost = random_.Chance(rates_.loss_ppm);
  const bool delayed = random_.Chance(rates_.delay_ppm);
  const bool repeated = random_.Chance(rates_.duplication_ppm);
  const bool overtaken = random_.Chance(rates_.reordering_ppm);
  if (IsCut(from, to)) return arrivals;
  if (lost) {
    counts->Strike(FaultKind::kLoss, situations);
    return arrivals;
  }
  Link& way = link(from, to);
  int64_t at_us =
      now_us + random_.Between(rates_.delay_us_min, rates_.delay_us_max);
  if (delayed) {
    counts->Strike(FaultKind::kDelay, situations);
    at_us += random_.Between(1'000, rates_.fault_delay_us_max);
  }
  if (overtaken) {
    counts->Strike(FaultKind::kReordering, situations);
    at_us += random_.Between(1'000, rates_.fault_delay_us_max);
  } else {
    way.newest_arrival_us = std::max(way.newest_arrival_us, at_us);
    at_us = way.newest_arrival_us;
  }
  arrivals.at_us[arrivals.count++] = at_us;
  if (repeated) {
    counts->Strike(FaultKind::kDuplication, situations);
    arrivals.at_us[arrivals.count++] =
        at_us + random_.Between(1, rates_.fault_delay_us_max);
  }
  return arrivals;
}

uint32_t SimulatedNetwork::Hold() {
  if (!free_.empty()) {
    const uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  packets_.emplace_back();
  return static_cast<uint32_t>(packets_.size() - 1);
}

}  // namespace kappa::simulation
