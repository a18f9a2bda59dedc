// FaultInjector: does to a cluster what the plan says.
#ifndef KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_
#define KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/nodes/cluster.h"
#include "tests/simulation/nodes/plan.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible.
class FaultInjector {
 public:
  FaultInjector(Cluster* cluster, const Plan& plan);

  // Strikes with what is due, and ends what has lasted.
  void Step();
  // Ends everything; all nodes run.
  void Heal();

 private:
  // Brings about what a fault waits for, if that is rare.
  void Provoke(Situation situation);
  bool IsDue(const Fault& fault, Situations now) const;
  // Where the fault strikes; none: it cannot.
  std::vector<SimulatedNode*> TargetsOf(const Fault& fault);
  void Strike(const Fault& fault);
  void StrikeNetwork(const Fault& fault,
                     const std::vector<SimulatedNode*>& targets);
  void StrikeNode(const Fault& fault, SimulatedNode* node);
  void StrikeTopics(const Fault& fault);
  void Transfer(const Fault& fault);
  void EndLater(const Fault& fault, std::function<void()> end);
  SimulatedNode* Serving(uint64_t choice);
  // Who leads most groups.
  SimulatedNode* Leading();

  Cluster* const cluster_;
  World& world_;
  std::vector<Fault> waiting_;                          // by time
  std::multimap<int64_t, std::function<void()>> ends_;  // by time
  std::vector<std::string> scratch_topics_;
  uint64_t topics_ = 0;
  uint64_t provoked_ = 0;
  int64_t provoked_us_ = 0;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_
