#include "server/join_answer.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/formation_rules.h"
#include "server/random_uuid.h"

namespace kappa::server {

raft::v1::JoinResponse JoinResponseOf(const Identity& identity,
                                      const NodeInfo& self,
                                      const NodeInfo& node,
                                      const std::vector<NodeInfo>& nodes) {
  raft::v1::JoinResponse response;
  raft::v1::Formation* const formation = response.mutable_formation();
  formation->set_cluster_id(BytesOf(identity.cluster_id));
  for (const NodeInfo& founder : identity.founders) {
    *formation->add_nodes() = ToClusterNode(founder);
  }
  if (identity.founders.empty()) {
    NodeInfo founder = self;
    founder.node = identity.node_id;
    founder.disk_id = identity.disk_id;
    *formation->add_nodes() = ToClusterNode(founder);
  }
  *response.mutable_self() = ToClusterNode(node);
  for (const NodeInfo& member : nodes) {
    *response.add_nodes() = ToClusterNode(member);
  }
  return response;
}

absl::Status WithLeaderPeer(const absl::Status& error,
                            const NodeDirectory& nodes) {
  v1::ErrorInfo info = ErrorInfoOf(error);
  const auto leader = info.metadata().find("leader_node");
  uint64_t node = 0;
  if (leader == info.metadata().end() ||
      !absl::SimpleAtoi(leader->second, &node)) {
    return error;
  }
  const std::optional<NodeInfo> known = nodes.Find(NodeId(node));
  if (!known.has_value() || known->address.empty()) return error;
  (*info.mutable_metadata())["leader_peer"] = known->address;
  absl::Status status = error;
  status.SetPayload(ToAbsl(kErrorInfoTypeUrl),
                    absl::Cord(info.SerializeAsString()));
  return status;
}

}  // namespace kappa::server
