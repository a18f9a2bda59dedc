// The refusal of a node that does not lead what it is asked about.
#ifndef KAPPA_SERVER_NOT_LEADER_H_
#define KAPPA_SERVER_NOT_LEADER_H_

#include <optional>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/node_directory.h"

namespace kappa::server {

// NOT_LEADER; with `leader` its id (leader_node) and, when `nodes` (may be
// null) knows it, where it serves clients (leader).
absl::Status NotLeaderError(std::optional<NodeId> leader,
                            const NodeDirectory* nodes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NOT_LEADER_H_
