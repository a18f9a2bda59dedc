// Operator: who decides which nodes have a replica of which group.
#ifndef KAPPA_TESTS_SIMULATION_OPERATOR_H_
#define KAPPA_TESTS_SIMULATION_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/configuration_change.h"
#include "tests/simulation/node.h"
#include "tests/simulation/world.h"

namespace kappa::simulation {

// Stands for the metadata group and whoever runs the cluster: changes
// configurations, creates replicas before they are members and destroys them
// after they were, and replaces those that forgot by new incarnations.
//
// Thread safety: thread-compatible.
class Operator {
 public:
  Operator(World* world, std::vector<std::unique_ptr<Node>>* nodes)
      : world_(*world), nodes_(*nodes), random_(world->options.seed, 4) {}

  // Does whatever is due: replaces members that forgot, leaves joint
  // configurations that nobody else leaves.
  void Tend();
  // Asks a group's leader for a random change. False if nobody could be asked.
  bool ChangeMembership(uint32_t group, uint64_t choice);
  // Hands leadership to a random voter, or to the best one.
  bool Transfer(uint32_t group, uint64_t choice);
  // Destroys the replica of a node that is no member any more.
  bool DropLeaver(uint32_t group, uint64_t choice);

  // The node that leads the group in the highest term, or nullptr.
  Node* LeaderOf(uint32_t group) const;
  // Whether the node's replica may be lost for good: every group stays
  // available without it, whichever configuration is in force.
  bool CanSpare(size_t node) const;
  // Whether a voter on another node holds the entry of this node's replica
  // durably and intact, whichever configuration is in force.
  bool StaysHeldElsewhere(uint32_t group, size_t node, LogIndex index) const;
  // Whether every member of the group exists and is the one its node should
  // have, nothing is joint and no promotion is open.
  bool IsSettled(uint32_t group) const;

 private:
  void TendGroup(uint32_t group);
  // Whether the node has the replica that its placement names, or can make it.
  bool CanHaveReplica(uint32_t group, size_t node) const;
  bool EnsureReplica(uint32_t group, size_t node);
  bool Replace(Node* leader, uint32_t group);
  // What others have trimmed they cannot give back: a replica whose entry is
  // damaged there trims it, too, since its state stands for it.
  void TrimDamaged(uint32_t group);
  ReplicaId CurrentId(uint32_t group, size_t node) const;
  bool IsCurrent(uint32_t group, ReplicaId id) const;
  bool IsHeldBy(uint32_t group, const std::vector<ReplicaId>& voters,
                size_t node, LogIndex index) const;
  // Whether damage that a member of the new configuration has, known or not,
  // can be mended from a voter of it.
  bool CanMendAfter(uint32_t group,
                    const raft::ConfigurationChange& change) const;
  // Every log of the group as it is written and as it is durable.
  std::vector<const ReplicaLog*> LogsOf(uint32_t group) const;
  // The newest committed configuration, and each one after it that is in some
  // log: any of them may come into force.
  std::vector<const raft::Configuration*> PossibleConfigurations(
      uint32_t group) const;
  // Whether a replica is there, remembers, and is not on `node`.
  bool IsSoundWithout(uint32_t group, ReplicaId id, size_t node) const;
  bool HasMajorityWithout(uint32_t group, const std::vector<ReplicaId>& voters,
                          size_t node) const;
  bool GroupCanSpare(uint32_t group, size_t node) const;

  World& world_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  RandomSource random_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_OPERATOR_H_
