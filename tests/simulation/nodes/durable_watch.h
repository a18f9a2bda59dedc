// DurableWatch: looks at what the nodes' disks hold.
#ifndef KAPPA_TESTS_SIMULATION_NODES_DURABLE_WATCH_H_
#define KAPPA_TESTS_SIMULATION_NODES_DURABLE_WATCH_H_

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "raft/output.h"
#include "storage/log_store.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Properties, after every cycle of every disk: an entry of one group, index and
// term is the same wherever it is stored, the log before it included (chain);
// the term of a replica never falls, and its vote never changes within one; one
// replica leads in a term.
//
// Thread safety: thread-compatible.
class DurableWatch {
 public:
  explicit DurableWatch(World* world) : world_(world) {}

  // Was just applied to `store` of `node`.
  void OnCommitted(NodeId node, const storage::LogStore& store,
                   absl::Span<const storage::GroupWrite> writes);
  // The disk of `node` is an empty one from now on.
  void OnWiped(NodeId node);
  // The disk of `node` holds what it held earlier; its promises stand.
  void OnPutBack(NodeId node);
  // `node` leads `group` in `term`.
  void OnLeader(NodeId node, GroupId group, Term term);

 private:
  void CheckPromise(NodeId node, GroupId group, ReplicaNumber replica,
                    const raft::HardState& state);
  GroupId GroupOf(NodeId node, const storage::LogStore& store,
                  ReplicaNumber replica);

  World* const world_;
  std::map<std::tuple<GroupId, LogIndex, Term>, Digest> chains_;
  std::map<std::pair<NodeId, ReplicaNumber>, raft::HardState> promises_;
  std::map<std::pair<NodeId, ReplicaNumber>, GroupId> groups_;
  std::map<std::pair<GroupId, Term>, NodeId> leaders_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_DURABLE_WATCH_H_
