// LookAtGroups: what the groups of all nodes are in the middle of.
#ifndef KAPPA_TESTS_SIMULATION_NODES_GROUP_LOOK_H_
#define KAPPA_TESTS_SIMULATION_NODES_GROUP_LOOK_H_

#include <map>
#include <optional>
#include <set>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "tests/simulation/nodes/client.h"
#include "tests/simulation/nodes/durable_watch.h"
#include "tests/simulation/nodes/run_counts.h"

namespace kappa::node_simulation {

struct GroupLook {
  std::optional<NodeId> leader;  // in the highest term
  Term term;
  raft::Configuration configuration;  // of the leader
  LogIndex last;                      // its last index
  bool caught_up = false;             // all its peers hold that, committed
  Situations situations = BitOf(Situation::kElection);
  std::set<NodeId> nodes;  // where it is awake
};

// With `watch`, which may be null: tells it who leads, and each core checks
// itself.
std::map<GroupId, GroupLook> LookAtGroups(const Nodes& nodes,
                                          DurableWatch* watch);

// What the groups on `node` are in; of any node without one.
Situations SituationsOn(const std::map<GroupId, GroupLook>& groups,
                        std::optional<NodeId> node);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_GROUP_LOOK_H_
