// Whether a node's disk may be given up for another one.
#ifndef KAPPA_SERVER_REPLACEMENT_CHECK_H_
#define KAPPA_SERVER_REPLACEMENT_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"

namespace kappa::server {

// Who votes in a group, and who shall.
struct GroupMembers {
  std::string name;  // for people: TOPIC/PARTITION, or "metadata"
  raft::Configuration present;
  std::vector<ReplicaId> wanted;
};

// Errors: UNAVAILABLE: `node` votes in a group in which the replica of another
// node is being replaced or moved: that may take the disk that `node` has,
// which is gone for good once another one has its place. Names nodes and
// groups.
absl::Status CheckReplaceable(NodeId node,
                              const std::vector<GroupMembers>& groups);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPLACEMENT_CHECK_H_
