// Simulation: a cluster of nodes with their clocks, network and disks, on one
// thread and from one seed.
#ifndef KAPPA_TESTS_SIMULATION_SIMULATION_H_
#define KAPPA_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/fault_injector.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/group_checker.h"
#include "tests/simulation/node.h"
#include "tests/simulation/operator.h"
#include "tests/simulation/simulation_options.h"
#include "tests/simulation/world.h"

namespace kappa::simulation {

struct RunResult {
  std::string breach;  // empty: every property held
  uint64_t trace = 0;  // the same for the same options and plan
  RunCounts counts;
};

// A safety phase in which the faults of a plan strike, then a liveness phase:
// everything heals, and each group must converge, commit one more entry and
// answer a read. A run fails when groups have not converged and no replica's
// log has grown for 20 election timeouts, and at the latest 20 election
// timeouts plus the time to copy the longest log twice after the heal. All
// properties are checked after every event.
//
// Thread safety: thread-compatible.
class Simulation : public DurableLogs {
 public:
  Simulation(const SimulationOptions& options, const FaultPlan& plan);

  // Requires: called once.
  RunResult Run();

 private:
  void RunUntil(int64_t end_us);
  void Dispatch(const Event& event);
  void DispatchToNode(const Event& event);
  bool IsForNode(const Event& event) const;
  void Deliver(const Event& event);
  void OnProposal();
  void OnRead();
  uint32_t PickGroup();

  int64_t CopyingUs() const;
  uint64_t EntriesHeld() const;
  void MustConverge();
  bool HasConverged(uint32_t group) const;
  // What keeps a group from converging, and which.
  std::string Obstacle() const;
  void MustCommitOneMore();
  void CompareChains();

  const ReplicaLog* DurableLog(uint32_t group,
                               ReplicaId replica) const override;

  World world_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Operator operator_;
  FaultInjector injector_;
  RandomSource clients_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_SIMULATION_H_
