// FaultInjector: does to a cluster what the plan says.
#ifndef KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_
#define KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/nodes/cluster.h"
#include "tests/simulation/nodes/plan.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible.
class FaultInjector {
 public:
  FaultInjector(Cluster* cluster, const Plan& plan);

  ~FaultInjector() { cluster_->BeforeStep(nullptr); }

  // Strikes with what is due.
  void Step();
  // Ends everything; all nodes run.
  void Heal();

 private:
  // Brings about what a fault waits for, if that is rare.
  void Provoke(Situation situation);
  bool IsDue(const Fault& fault, Situations now);
  void EndWhatLasted();
  // Whether what the fault does may happen now without any loss.
  bool IsAllowed(const Fault& fault);
  // Chooses the node, and takes an image of its disk.
  void PrepareLoss(const Fault& fault);
  // Makes it so that some node may lose its disk before long.
  void MakeRoomForLoss();
  // Where the fault strikes; none: it cannot.
  std::vector<SimulatedNode*> TargetsOf(const Fault& fault);
  void Strike(const Fault& fault);
  void StrikeNetwork(const Fault& fault,
                     const std::vector<SimulatedNode*>& targets);
  void StrikeNode(const Fault& fault, SimulatedNode* node);
  // The node begins to meet others.
  void StrikeMeeting(const Fault& fault, SimulatedNode* node);
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
  // What was taken for faults that wait, by their number.
  struct Taken {
    SimulatedNode* node = nullptr;
    Uuid disk{};  // of the image
    std::shared_ptr<const NodeDisk::Image> image;
  };
  std::map<uint32_t, Taken> images_;
  bool losing_ = false;  // a disk is to be lost as soon as it may be
  uint64_t topics_ = 0;
  uint64_t provoked_ = 0;
  int64_t provoked_us_ = 0;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_FAULT_INJECTOR_H_
