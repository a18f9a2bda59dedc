// ReplicaPlacement: which nodes hold the replicas of new partitions.
#ifndef KAPPA_SERVER_REPLICA_PLACEMENT_H_
#define KAPPA_SERVER_REPLICA_PLACEMENT_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "server/node_directory.h"
#include "server/topic_snapshot.h"

namespace kappa::server {

// Replicas of a partition are spread over racks first (nodes that tell none
// share one), then over nodes by how many replicas each holds. Leaders are
// spread over the partitions that are placed together first, then over all.
//
// A function of the topics counted in: their order does not matter.
// Thread safety: thread-compatible.
class ReplicaPlacement {
 public:
  // Counts the replicas of the topic in, or out.
  void Add(const TopicSnapshot& topic);
  void Remove(const TopicSnapshot& topic);

  // The nodes of `partitions` new partitions, `replicas` of each, one partition
  // after the other; of each the one that shall lead is the first.
  // Requires: replicas <= nodes.size().
  std::vector<NodeId> Choose(absl::Span<const NodeInfo> nodes,
                             uint32_t replicas, uint32_t partitions) const;
  // The same for all partitions of a topic that is counted in, when it shall
  // have `replicas` of each: who is a member stays one as far as there is room,
  // and leaders are spread anew.
  std::vector<NodeId> ChooseAgain(absl::Span<const NodeInfo> nodes,
                                  uint32_t replicas,
                                  const TopicSnapshot& topic) const;

 private:
  struct Load {
    uint64_t replicas = 0;
    uint64_t leaders = 0;
  };
  std::map<NodeId, Load> loads_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPLICA_PLACEMENT_H_
