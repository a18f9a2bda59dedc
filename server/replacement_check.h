// Whether a node's disk may be given up for another one.
#ifndef KAPPA_SERVER_REPLACEMENT_CHECK_H_
#define KAPPA_SERVER_REPLACEMENT_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "server/node_directory.h"

namespace kappa::server {

// Who votes in a group, and who shall.
struct GroupMembers {
  std::string name;  // for people: TOPIC/PARTITION, or "metadata"
  raft::Configuration present;
  std::vector<ReplicaId> wanted;
};

// A disk is lost for good once another one has its place; `nodes` says which
// disk each node has now. A group waits as long as the replica of another node
// is being replaced or moved in it; it can go on without `node` while the
// voters whose disks are not given up, without `node`, are a majority of each
// of its configurations. Whether those can be reached does not count: they may
// come back.
//
// Errors: UNAVAILABLE: `node` votes in a group that waits and cannot go on
// without it. Names nodes and groups.
absl::Status CheckReplaceable(NodeId node,
                              const std::vector<GroupMembers>& groups,
                              const std::vector<NodeInfo>& nodes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPLACEMENT_CHECK_H_
