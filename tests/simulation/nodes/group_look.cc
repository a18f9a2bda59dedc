#include "tests/simulation/nodes/group_look.h"

#include "raft/core.h"
#include "raft/peer_status.h"
#include "server/node.h"
#include "storage/log_store.h"

namespace kappa::node_simulation {
namespace {

// A replica that lacks so many entries, or hears of no end, catches up.
constexpr uint64_t kBehind = 8;
constexpr GroupId kMetadata(0);

void TakeLeader(NodeId node, const raft::Core& core, GroupLook* look) {
  look->leader = node;
  look->term = core.term();
  look->configuration = core.configuration();
  look->last = core.last().index;
  look->situations = 0;
  const bool tail = core.committed() < core.last().index;
  if (tail) look->situations |= BitOf(Situation::kUncommittedTail);
  if (core.configuration().joint() || !core.configuration().learners.empty()) {
    look->situations |= BitOf(Situation::kMemberChange);
  }
  if (core.transferring()) look->situations |= BitOf(Situation::kTransfer);
  look->caught_up = !tail;
  for (const raft::PeerStatus& peer : core.peers()) {
    look->caught_up &= peer.match == core.last().index;
    if (peer.match.value() + kBehind < core.last().index.value()) {
      look->situations |= BitOf(Situation::kCatchUp);
    }
  }
}

}  // namespace

std::map<GroupId, GroupLook> LookAtGroups(const Nodes& nodes,
                                          DurableWatch* watch) {
  std::map<GroupId, GroupLook> groups;
  for (const auto& node : nodes) {
    if (!node->up()) continue;
    node->ForEachGroup([&](const server::ShardGroup& group) {
      const raft::Core& core = group.core();
      if (watch != nullptr) core.CheckInvariants();
      GroupLook& look = groups[group.group()];
      look.nodes.insert(node->id());
      if (core.role() != raft::Role::kLeader) return;
      if (watch != nullptr) {
        watch->OnLeader(node->id(), group.group(), core.term());
      }
      if (look.leader.has_value() && core.term() < look.term) return;
      TakeLeader(node->id(), core, &look);
    });
  }
  const auto metadata = groups.find(kMetadata);
  if (metadata != groups.end() &&
      (metadata->second.situations & BitOf(Situation::kUncommittedTail)) != 0) {
    metadata->second.situations |= BitOf(Situation::kMetadata);
  }
  return groups;
}

Situations SituationsOn(const std::map<GroupId, GroupLook>& groups,
                        std::optional<NodeId> node) {
  Situations situations = 0;
  for (const auto& [id, look] : groups) {
    if (!node.has_value() || look.nodes.contains(*node)) {
      situations |= look.situations;
    }
  }
  return situations;
}

}  // namespace kappa::node_simulation
