// FaultInjector: makes the faults of a plan happen.
#ifndef KAPPA_TESTS_SIMULATION_FAULT_INJECTOR_H_
#define KAPPA_TESTS_SIMULATION_FAULT_INJECTOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tests/simulation/fault_plan.h"
#include "tests/simulation/node.h"
#include "tests/simulation/operator.h"
#include "tests/simulation/world.h"

namespace kappa::simulation {

// Works out whom a fault befalls, sees to it that the whole stays within what
// must be survivable, and ends it again:
//  - a disk is lost, or put back from an older copy, only if every group stays
//    available without it, and, for the copy, if somebody who knows better can
//    be reached (RELIABILITY.md S6);
//  - an entry is damaged only while another member holds an intact copy, and no
//    disk is lost until it is repaired.
// A fault that cannot strike now is tried again for a while.
//
// Thread safety: thread-compatible.
class FaultInjector {
 public:
  FaultInjector(World* world, std::vector<std::unique_ptr<Node>>* nodes,
                Operator* cluster_operator, FaultPlan plan);

  // Plans the events of the faults.
  void Begin();
  void OnFault(uint32_t position);
  void OnFaultEnd(uint32_t position);
  // After each event: faults that wait for a situation.
  void OnEvent();
  // Everything ends: the network, the nodes and their disks are well again.
  void Heal();

 private:
  struct Waiting {
    size_t position;
    Situation situation;
  };
  struct Forgot {
    size_t node;
    Uuid disk;  // until it is told and set aside
    int64_t at_us;
  };
  struct Active {
    std::vector<std::pair<size_t, size_t>> cuts;
    std::optional<size_t> node;
    std::vector<DiskImage> copies;  // of all disks, for kOldDiskImage
  };

  // True if the fault struck. `group` is the one whose situation was awaited,
  // or a random one.
  bool Strike(size_t position, uint32_t group);
  bool StrikeNetwork(size_t position, uint32_t group);
  bool StrikeProcess(size_t position, uint32_t group);
  bool StrikeDisk(size_t position, uint32_t group);
  bool StrikeMembership(const Fault& fault, uint32_t group);
  bool CrashNode(const Fault& fault, size_t node);
  bool CutPower(const Fault& fault);
  bool Rot(const Fault& fault, uint32_t group);
  bool RotEntry(uint32_t group, size_t node, uint64_t choice);
  bool LoseDisk(size_t position, uint32_t group, bool old_copy);
  void Forget(size_t node, DiskImage image);
  void Cut(size_t position, size_t from, size_t to);
  void CutApart(size_t position, const std::vector<bool>& side);
  bool IsRefuted(size_t node, const DiskImage& image) const;
  bool IsCalm() const;
  void CountNode(FaultKind kind, size_t node);
  void CountAll(FaultKind kind);
  // A node of the group, more often its leader's than not.
  std::optional<size_t> PickNode(const Fault& fault, uint32_t group);

  World& world_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  Operator& operator_;
  FaultPlan plan_;
  std::vector<Active> active_;  // by position in the plan
  std::vector<Waiting> waiting_;
  int64_t next_try_us_ = 0;       // of a waiting fault that could not strike
  std::optional<Forgot> forgot_;  // the last one
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_FAULT_INJECTOR_H_
