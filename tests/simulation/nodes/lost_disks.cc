// Cluster: nodes that lose their disks, or parts of them.
#include <algorithm>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/formation_rules.h"
#include "tests/simulation/nodes/cluster.h"

namespace kappa::node_simulation {
namespace {

constexpr int64_t kLookUs = 10'000;
// With so many voters a majority is left without one.
constexpr size_t kVotersToLose = 3;

bool Has(const std::vector<ReplicaId>& replicas, NodeId node) {
  return std::any_of(
      replicas.begin(), replicas.end(),
      [node](const ReplicaId& replica) { return replica.node == node; });
}

// Whether a majority of those is left without the node.
bool CanSpare(const std::vector<ReplicaId>& voters, NodeId node) {
  return !Has(voters, node) || voters.size() >= kVotersToLose;
}

// Whether all groups of the topic are where they shall be.
bool IsPlaced(const server::TopicSnapshot& topic,
              const std::map<GroupId, GroupLook>& groups) {
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    const auto look = groups.find(topic.groups[i]);
    if (look == groups.end() || !look->second.leader.has_value()) return false;
    const raft::Configuration& members = look->second.configuration;
    const absl::Span<const ReplicaId> shall = topic.VotersOf(i);
    if (members.joint() ||
        !std::is_permutation(members.voters.begin(), members.voters.end(),
                             shall.begin(), shall.end())) {
      return false;
    }
  }
  return true;
}

}  // namespace

void Cluster::Replace(SimulatedNode* node) {
  NoteLost(node);
  raft::v1::JoinRequest request;
  request.set_protocol_version(1);
  request.set_replaces(true);
  *request.mutable_self() = server::ToClusterNode(node->self());
  AskToJoin(world_->network.Below(nodes_.size()), std::move(request),
            [this, node](const auto& self, const auto& identity) {
              node->TakeIn(self, identity);
              StartIn(node, 1'000);
              ++world_->counts.disks_replaced;
            });
}

bool Cluster::RememberedBeyond(const SimulatedNode& node,
                               const NodeDisk::Image& image,
                               bool reached) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
    if (other.get() == &node) return false;
    const bool reaches = other->up() && !other->paused() &&
                         !network_.cut(node.id(), other->id()) &&
                         !network_.cut(other->id(), node.id());
    return (reaches || !reached) &&
           other->disk().RemembersMore(node.self().disk_id, image);
  });
}

bool Cluster::IsRebuilt(const SimulatedNode& node) {
  if (!node.up()) return false;
  const ReplicaId now = {node.id(), node.self().incarnation};
  const auto is_former = [&now](const ReplicaId& replica) {
    return replica.node == now.node && replica != now;
  };
  const auto groups = LookAtGroups(nodes_, nullptr);
  for (const auto& other : nodes_) {
    if (!other->up()) return false;
    bool former = false;
    other->ForEachGroup([&](const server::ShardGroup& group) {
      const raft::Configuration& members = group.core().configuration();
      former =
          former || members.joint() ||
          std::any_of(members.voters.begin(), members.voters.end(), is_former);
    });
    if (former) return false;
    for (const auto& topic : other->node()->ListTopics(
             "", "", std::numeric_limits<size_t>::max())) {
      if (std::any_of(topic->voters.ids.begin(), topic->voters.ids.end(),
                      is_former) ||
          !IsPlaced(*topic, groups)) {
        return false;
      }
    }
  }
  return true;
}

bool Cluster::rebuilding() {
  if (lost_ == nullptr || world_->now_us - rebuilt_look_us_ < kLookUs) {
    return lost_ != nullptr;
  }
  rebuilt_look_us_ = world_->now_us;
  if (IsRebuilt(*lost_)) lost_ = nullptr;
  return lost_ != nullptr;
}

bool Cluster::MayLoseDisk(SimulatedNode* node) {
  if (rebuilding() || !node->up()) return false;
  if (admin_->FewestReplicas() < kVotersToLose) return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
    // A leader may still follow what metadata wanted before: fewer replicas.
    if (!other->up()) return admin_->moved().empty();
    bool all = true;
    for (const auto& topic : other->node()->ListTopics(
             "", "", std::numeric_limits<size_t>::max())) {
      all = all && topic->topic.replicas() >= kVotersToLose;
    }
    other->ForEachGroup([&](const server::ShardGroup& group) {
      const raft::Configuration& members = group.core().configuration();
      all = all && CanSpare(members.voters, node->id()) &&
            CanSpare(members.outgoing_voters, node->id());
    });
    return all;
  });
}

}  // namespace kappa::node_simulation
