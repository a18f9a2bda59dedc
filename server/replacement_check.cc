#include "server/replacement_check.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kappa::server {
namespace {

constexpr size_t kNamesMax = 3;

using Replicas = std::vector<ReplicaId>;

bool IsOf(const Replicas& replicas, NodeId node) {
  return std::any_of(
      replicas.begin(), replicas.end(),
      [node](const ReplicaId& replica) { return replica.node == node; });
}

// Adds the nodes, but for `node`, of the replicas in `a` that are not in `b`.
void AddMissing(const Replicas& a, const Replicas& b, NodeId node,
                std::set<NodeId>* missing) {
  for (const ReplicaId& replica : a) {
    if (replica.node != node &&
        std::find(b.begin(), b.end(), replica) == b.end()) {
      missing->insert(replica.node);
    }
  }
}

// Whether the replica is on the disk that its node has now.
bool IsCurrent(const ReplicaId& replica, const std::vector<NodeInfo>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const NodeInfo& known) {
    return known.node == replica.node &&
           known.incarnation == replica.incarnation;
  });
}

// Those whose disks are not given up, `node` not counted, are no majority.
bool Needs(const Replicas& voters, NodeId node,
           const std::vector<NodeInfo>& nodes) {
  if (voters.empty()) return false;
  const auto others = static_cast<size_t>(
      std::count_if(voters.begin(), voters.end(), [&](const ReplicaId& voter) {
        return voter.node != node && IsCurrent(voter, nodes);
      }));
  return 2 * others <= voters.size();
}

}  // namespace

absl::Status CheckReplaceable(NodeId node,
                              const std::vector<GroupMembers>& groups,
                              const std::vector<NodeInfo>& nodes) {
  std::set<NodeId> changing;
  std::vector<std::string> names;
  for (const GroupMembers& group : groups) {
    const raft::Configuration& present = group.present;
    if (!IsOf(present.voters, node) && !IsOf(present.outgoing_voters, node)) {
      continue;
    }
    if (!Needs(present.voters, node, nodes) &&
        !Needs(present.outgoing_voters, node, nodes)) {
      continue;
    }
    std::set<NodeId> here;
    AddMissing(group.wanted, present.voters, node, &here);
    AddMissing(present.voters, group.wanted, node, &here);
    AddMissing(present.outgoing_voters, group.wanted, node, &here);
    // The members that are wanted may not be known here yet.
    for (const ReplicaId& voter : present.voters) {
      if (voter.node != node && !IsCurrent(voter, nodes)) {
        here.insert(voter.node);
      }
    }
    if (here.empty()) continue;
    names.push_back(group.name);
    changing.merge(here);
  }
  if (names.empty()) return absl::OkStatus();
  std::vector<uint64_t> ids;
  for (const NodeId other : changing) ids.push_back(other.value());
  const size_t named = std::min(names.size(), kNamesMax);
  std::string in = absl::StrJoin(names.begin(), names.begin() + named, ", ");
  if (names.size() > named) {
    absl::StrAppend(&in, " and ", names.size() - named, " more groups");
  }
  return absl::UnavailableError(absl::StrCat(
      "join: the former disk of node ", node.value(),
      " keeps its place, it may be needed: the replicas of ",
      ids.size() == 1 ? "node " : "nodes ", absl::StrJoin(ids, ", "),
      " are still being replaced or moved in ", in));
}

}  // namespace kappa::server
