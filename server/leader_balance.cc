#include "server/leader_balance.h"

#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "server/shard.h"

namespace kappa::server {
namespace {

constexpr size_t kAtOnceMax = 32;  // of one shard

// Nothing would have to be sent first: appends wait for microseconds only.
bool CaughtUp(const raft::Core& core, ReplicaId replica) {
  for (const raft::PeerStatus& peer : core.peers()) {
    if (peer.id == replica) {
      return peer.voter && peer.active && peer.match == core.last().index;
    }
  }
  return false;
}

using Wanted = std::vector<std::pair<GroupId, ReplicaId>>;

void GiveBack(Shard* shard, const Wanted& wanted, LookPace* pace) {
  size_t begun = 0;
  for (const auto& [group, leader] : wanted) {
    Partition* const partition = shard->FindAwake(group);
    if (partition == nullptr || !partition->leads()) continue;
    pace->Found();
    if (!CaughtUp(partition->core(), leader)) continue;
    // It would not take over, and appends would wait for it.
    if (partition->log().IsUnfit(leader)) continue;
    if (!partition->TransferLeadership(leader).ok()) continue;
    shard->Touch(partition);
    if (++begun == kAtOnceMax) return;
  }
}

}  // namespace

void LeaderBalance::Run(uint64_t changes,
                        const std::function<bool(NodeId)>& steady) {
  if (!pace_->IsTime(changes)) return;
  std::map<NodeId, bool> asked;
  std::map<Shard*, Wanted> wanted;
  for (const auto& topic :
       topics_->List("", "", std::numeric_limits<size_t>::max())) {
    const uint32_t partitions = static_cast<uint32_t>(topic->groups.size());
    for (uint32_t i = 0; i < partitions; ++i) {
      if (topic->VotersOf(i).empty()) continue;
      const ReplicaId leader = topic->VotersOf(i).front();
      if (leader.node == self_) continue;
      const auto [known, added] = asked.try_emplace(leader.node);
      if (added) known->second = steady(leader.node);
      if (!known->second) continue;
      const GroupId group = topic->groups[i];
      wanted[router_->ShardOf(group)].emplace_back(group, leader);
    }
  }
  for (auto& [shard, groups] : wanted) {
    shard->Post([groups = std::move(groups), pace = pace_](Shard& shard) {
      GiveBack(&shard, groups, pace.get());
    });
  }
}

}  // namespace kappa::server
