// SimulatedNetwork: what becomes of packets between nodes.
#ifndef KAPPA_TESTS_SIMULATION_SIMULATED_NETWORK_H_
#define KAPPA_TESTS_SIMULATION_SIMULATED_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/random_source.h"
#include "tests/simulation/run_counts.h"

namespace kappa::simulation {

// Rates of what befalls single packets, in parts per million.
struct NetworkRates {
  uint32_t loss_ppm = 0;
  uint32_t delay_ppm = 0;  // everything behind it on the way waits too
  uint32_t duplication_ppm = 0;
  uint32_t reordering_ppm = 0;  // others overtake it
  int64_t delay_us_min = 100;
  int64_t delay_us_max = 1000;
  int64_t fault_delay_us_max = 100'000;
};

// One encoded message on its way.
struct Packet {
  uint8_t from = 0;
  uint8_t to = 0;
  bool greeting = false;
  uint32_t group = 0;
  std::string bytes;
};

// Packets between two nodes arrive in their order, but for the faults. A cut
// way loses what is sent and what is under way.
//
// Thread safety: thread-compatible.
class SimulatedNetwork {
 public:
  SimulatedNetwork(size_t nodes, const NetworkRates& rates,
                   RandomSource random);

  // Cuts add up: a way is open once each was taken back.
  void Cut(size_t from, size_t to) { ++link(from, to).cuts; }
  void Restore(size_t from, size_t to) { --link(from, to).cuts; }
  bool IsCut(size_t from, size_t to) const {
    return links_[from * nodes_ + to].cuts > 0;
  }
  // From now on no packet is lost, repeated or held up, each takes 2 ms at
  // most, and no way is cut.
  void Heal();

  // When copies of a packet arrive: none, one or two times.
  struct Arrivals {
    size_t count = 0;
    int64_t at_us[2] = {};
  };
  // Draws the fate of a packet that leaves at `now_us`; `situations` are those
  // of the group it belongs to.
  Arrivals Send(size_t from, size_t to, int64_t now_us, Situations situations,
                RunCounts* counts);
  // The same for packets that no fault may befall.
  int64_t SendSafely(size_t from, size_t to, int64_t now_us);

  // Memory for packets under way, reused.
  uint32_t Hold();
  Packet& packet(uint32_t number) { return packets_[number]; }
  void Release(uint32_t number) { free_.push_back(number); }

 private:
  struct Link {
    int cuts = 0;
    int64_t newest_arrival_us = 0;
  };
  Link& link(size_t from, size_t to) { return links_[from * nodes_ + to]; }

  size_t nodes_;
  NetworkRates rates_;
  RandomSource random_;
  std::vector<Link> links_;
  std::vector<Packet> packets_;
  std::vector<uint32_t> free_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_SIMULATED_NETWORK_H_
