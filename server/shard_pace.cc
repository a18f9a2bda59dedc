// Shard: how groups that nobody asked for are woken, a few at a time.
//
// An awake group costs a beat to each member every few ticks until it sleeps
// again. Thousands that wake at once would take all of the processor, and the
// nodes would no longer hear each other.
#include <algorithm>
#include <utility>

#include "server/shard.h"

namespace kappa::server {
namespace {

// Between two events.
constexpr size_t kAtOnce = 32;
// While so many groups are awake, others wait for a tick.
constexpr size_t kAwakeMax = 512;
// With each tick so many are woken, however many are awake: those may stay so.
constexpr size_t kEachTick = 4;
// More than that is told at once.
constexpr size_t kTellingsMax = 16;

bool LeadsWell(raft::DiskHealth health) {
  return health == raft::DiskHealth::kHealthy ||
         health == raft::DiskHealth::kStalled;
}

}  // namespace

void Shard::JoinNetwork(PeerNetwork* network) {
  services_.network = network;
  wakes_all_ = true;
  for (const auto& [id, replica] : sleeping_) to_wake_.push_back(id);
  WakeSome();
}

void Shard::OnNodeLiveness(NodeId node, bool alive) {
  if (alive) {
    silent_.erase(node);
  } else {
    silent_.insert(node);
  }
  for (const auto& group : other_groups_) Tell(group.get(), node, alive);
  Telling later{node, alive, {}};
  for (Partition* const partition : awake_) {
    const std::optional<ReplicaId> leader = partition->core().leader();
    const bool urgent = !alive && leader.has_value() && leader->node == node;
    if (urgent || !partition->quiescent() || to_tell_.size() >= kTellingsMax) {
      Tell(partition, node, alive);
    } else {
      later.groups.push_back(partition->group());
    }
  }
  if (later.groups.empty()) return;
  to_tell_.push_back(std::move(later));
  if (!pacing_) WakeSome();
}

void Shard::Tell(ShardGroup* group, NodeId node, bool alive) {
  group->OnNodeLiveness(node, alive);
  Touch(group);
}

bool Shard::HealthMatters(const ShardGroup& group) const {
  return !LeadsWell(group.told_health_) || !LeadsWell(health_);
}

void Shard::SetDiskHealth(raft::DiskHealth health) {
  // Nobody shall hand leadership to a node that ends.
  if (ending_ && health != raft::DiskHealth::kFull) {
    health = raft::DiskHealth::kSlow;
  }
  health_ = health;
  health_untold_.clear();
  health_untold_sleepers_.clear();
  for (const auto& group : other_groups_) TellHealth(group.get());
  for (Partition* const partition : awake_) {
    if (partition->told_health_ == health_) continue;
    const bool sleeps = partition->quiescent();
    if (!HealthMatters(*partition)) {
      if (!sleeps) TellHealth(partition);
    } else if (ending_) {
      TellHealth(partition);
    } else {
      (sleeps ? health_untold_sleepers_ : health_untold_)
          .push_back(partition->group());
    }
  }
  if (!pacing_) WakeSome();
}

void Shard::TellHealth(ShardGroup* group) {
  group->told_health_ = health_;
  group->SetDiskHealth(health_);
  Touch(group);
}

bool Shard::TellOne() {
  std::vector<GroupId>& groups =
      health_untold_.empty() ? health_untold_sleepers_ : health_untold_;
  if (groups.empty()) return false;
  Partition* const partition = FindAwake(groups.back());
  groups.pop_back();
  if (partition != nullptr && partition->told_health_ != health_) {
    TellHealth(partition);
  }
  return true;
}

void Shard::WakeSome() {
  if (!health_untold_.empty()) {
    for (size_t left = kAtOnce; left > 0 && !health_untold_.empty(); --left) {
      TellOne();
    }
    pacing_ = true;
    Post([](Shard& shard) { shard.WakeSome(); });
    return;
  }
  const size_t room =
      ticking_.size() < kAwakeMax ? kAwakeMax - ticking_.size() : kEachTick;
  for (size_t left = std::min(room, kAtOnce); left > 0; --left) {
    if (!WakeOne()) break;
  }
  pacing_ = room > kEachTick && !(to_wake_.empty() && to_tell_.empty() &&
                                  health_untold_sleepers_.empty());
  if (pacing_) Post([](Shard& shard) { shard.WakeSome(); });
}

bool Shard::WakeOne() {
  if (!to_wake_.empty()) {
    const GroupId group = to_wake_.back();
    to_wake_.pop_back();
    // Who cannot be woken says why when it is asked.
    WakePartition(group).IgnoreError();
    return true;
  }
  if (TellOne()) return true;
  if (to_tell_.empty()) return false;
  Telling& telling = to_tell_.front();
  Partition* const partition = FindAwake(telling.groups.back());
  telling.groups.pop_back();
  if (partition != nullptr) {
    Tell(partition, telling.node, telling.alive);
    // What was told at once since then is newer.
    const bool alive = !silent_.contains(telling.node);
    if (alive != telling.alive) Tell(partition, telling.node, alive);
  }
  if (telling.groups.empty()) to_tell_.pop_front();
  return true;
}

}  // namespace kappa::server
