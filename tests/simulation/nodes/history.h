// History: what the clients of a run did and saw, for the checker.
#ifndef KAPPA_TESTS_SIMULATION_NODES_HISTORY_H_
#define KAPPA_TESTS_SIMULATION_NODES_HISTORY_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/checker/event.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible.
class History {
 public:
  explicit History(World* world) : world_(world) {}

  // Records that an operation begins; returns its number.
  uint64_t Invoke(checker::Event event);
  // Records any other event.
  void Add(checker::Event event);
  // What the checker finds wrong; "" : nothing.
  std::string Check() const;
  // The history as lines of JSON.
  std::string ToText() const;

 private:
  World* const world_;
  std::vector<checker::Event> events_;
  uint64_t next_op_ = 1;
  int64_t last_us_ = 0;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_HISTORY_H_
