// What a node that asks to join is answered (PeerService.Join).
#ifndef KAPPA_SERVER_JOIN_ANSWER_H_
#define KAPPA_SERVER_JOIN_ANSWER_H_

#include <vector>

#include "absl/status/status.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "server/identity.h"
#include "server/node_directory.h"

namespace kappa::server {

// `node` is of the cluster now, as one of `nodes`. `identity` and `self` are
// those of the node that answers: alone it founded its cluster.
raft::v1::JoinResponse JoinResponseOf(const Identity& identity,
                                      const NodeInfo& self,
                                      const NodeInfo& node,
                                      const std::vector<NodeInfo>& nodes);

// `error`; a NOT_LEADER that names the leader also says where that serves nodes
// (leader_peer), when `nodes` knows it.
absl::Status WithLeaderPeer(const absl::Status& error,
                            const NodeDirectory& nodes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_JOIN_ANSWER_H_
