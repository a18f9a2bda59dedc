#include "tests/simulation/fault_injector.h"

#include <algorithm>

#include "tests/simulation/random_source.h"

namespace kappa::simulation {
namespace {

constexpr int64_t kRetryUs = 20'000;
constexpr int64_t kRetriesForUs = 3'000'000;
// After a disk forgot, no fault strikes for this time, nor until it is told,
// for at most the longer one.
constexpr int64_t kCalmUs = 600'000;
constexpr int64_t kCalmUsMax = 3'000'000;

// Event numbers from here on prepare a fault.
constexpr uint32_t kPrepare = 1u << 31;

}  // namespace

FaultInjector::FaultInjector(World* world,
                             std::vector<std::unique_ptr<Node>>* nodes,
                             Operator* cluster_operator, FaultPlan plan)
    : world_(*world),
      nodes_(*nodes),
      operator_(*cluster_operator),
      plan_(std::move(plan)),
      active_(plan_.faults.size()) {}

void FaultInjector::Begin() {
  for (size_t i = 0; i < plan_.faults.size(); ++i) {
    const Fault& fault = plan_.faults[i];
    const auto position = static_cast<uint32_t>(i);
    if (fault.kind == FaultKind::kOldDiskImage) {
      world_.queue.Add(std::max<int64_t>(fault.at_us - fault.duration_us, 1),
                       EventKind::kFault, 0, 0, position | kPrepare);
    }
    world_.queue.Add(fault.at_us, EventKind::kFault, 0, 0, position);
  }
}

void FaultInjector::OnFault(uint32_t position) {
  if (world_.healed) return;
  if ((position & kPrepare) != 0) {
    Active& active = active_[position & ~kPrepare];
    for (const std::unique_ptr<Node>& node : nodes_) {
      active.copies.push_back(node->CopyOfDisk());
    }
    return;
  }
  const Fault& fault = plan_.faults[position];
  if (fault.trigger) {
    waiting_.push_back(Waiting{position, *fault.trigger});
    return;
  }
  const auto group =
      static_cast<uint32_t>(fault.choice / 7 % world_.groups.size());
  if (Strike(position, group)) return;
  if (world_.now_us() < fault.at_us + kRetriesForUs) {
    world_.queue.Add(world_.now_us() + kRetryUs, EventKind::kFault, 0, 0,
                     position);
  }
}

void FaultInjector::OnEvent() {
  if (waiting_.empty() || world_.healed || world_.now_us() < next_try_us_) {
    return;
  }
  for (size_t i = 0; i < waiting_.size(); ++i) {
    for (uint32_t group = 0; group < world_.groups.size(); ++group) {
      if ((world_.SituationsOf(group) & BitOf(waiting_[i].situation)) == 0) {
        continue;
      }
      if (Strike(waiting_[i].position, group)) {
        waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
        return;
      }
      next_try_us_ = world_.now_us() + 500;
    }
  }
}

bool FaultInjector::Strike(size_t position, uint32_t group) {
  if (IsCalm()) return false;
  const Fault& fault = plan_.faults[position];
  bool struck = false;
  if (fault.kind <= FaultKind::kRing) {
    struck = StrikeNetwork(position, group);
  } else if (fault.kind <= FaultKind::kClockDrift) {
    struck = StrikeProcess(position, group);
  } else if (fault.kind <= FaultKind::kLostDisk) {
    struck = StrikeDisk(position, group);
  } else {
    struck = StrikeMembership(fault, group);
  }
  if (!struck) return false;
  world_.Log(TextOf(fault));
  world_.queue.Add(world_.now_us() + fault.duration_us, EventKind::kFaultEnd, 0,
                   0, static_cast<uint32_t>(position));
  return true;
}

bool FaultInjector::IsCalm() const {
  if (!forgot_) return false;
  const int64_t since_us = world_.now_us() - forgot_->at_us;
  const bool told =
      nodes_[forgot_->node]->disk().durable().disk_id != forgot_->disk;
  return since_us < (told ? kCalmUs : kCalmUsMax);
}

void FaultInjector::CountNode(FaultKind kind, size_t node) {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    if (nodes_[node]->disk().durable().replicas[group]) {
      world_.Strike(kind, group);
    }
  }
}

void FaultInjector::CountAll(FaultKind kind) {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    world_.Strike(kind, group);
  }
}

std::optional<size_t> FaultInjector::PickNode(const Fault& fault,
                                              uint32_t group) {
  if (fault.choice % 2 == 0) {
    if (Node* leader = operator_.LeaderOf(group)) return leader->index();
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const size_t node = (fault.choice / 64 + i) % nodes_.size();
    if (nodes_[node]->core(group) != nullptr && !nodes_[node]->paused()) {
      return node;
    }
  }
  return std::nullopt;
}

// --- network ---

void FaultInjector::Cut(size_t position, size_t from, size_t to) {
  if (from == to) return;
  world_.network.Cut(from, to);
  active_[position].cuts.emplace_back(from, to);
}

void FaultInjector::CutApart(size_t position, const std::vector<bool>& side) {
  for (size_t from = 0; from < side.size(); ++from) {
    for (size_t to = 0; to < side.size(); ++to) {
      if (side[from] != side[to]) Cut(position, from, to);
    }
  }
}

bool FaultInjector::StrikeNetwork(size_t position, uint32_t group) {
  const Fault& fault = plan_.faults[position];
  RandomSource random(fault.choice, 6);
  const size_t count = nodes_.size();
  std::vector<bool> side(count, false);
  const size_t start = random.Below(count);
  switch (fault.kind) {
    case FaultKind::kCutMinority: {
      const size_t minority = 1 + random.Below((count - 1) / 2);
      for (size_t i = 0; i < minority; ++i) side[(start + i) % count] = true;
      CutApart(position, side);
      break;
    }
    case FaultKind::kCutLeader: {
      const Node* leader = operator_.LeaderOf(group);
      side[leader != nullptr ? leader->index() : start] = true;
      CutApart(position, side);
      break;
    }
    case FaultKind::kOneWay: {
      const size_t node = PickNode(fault, group).value_or(start);
      const bool deaf = random.OneIn(2);
      for (size_t i = 0; i < count; ++i) {
        Cut(position, deaf ? i : node, deaf ? node : i);
      }
      break;
    }
    case FaultKind::kBridge:
      for (size_t from = 0; from < count; ++from) {
        for (size_t to = 0; to < count; ++to) {
          const size_t a = (from + start) % count;
          const size_t b = (to + start) % count;
          // Number 0 is the bridge.
          if (a != 0 && b != 0 && (a <= count / 2) != (b <= count / 2)) {
            Cut(position, from, to);
          }
        }
      }
      break;
    default:  // a ring; of three nodes a line
      for (size_t from = 0; from < count; ++from) {
        for (size_t to = 0; to < count; ++to) {
          const size_t gap = (from + count - to) % count;
          const bool ends = count == 3 && ((from == start && gap == 1) ||
                                           (to == start && gap == 2));
          if ((gap != 1 && gap != count - 1) || ends) Cut(position, from, to);
        }
      }
  }
  CountAll(fault.kind);
  return true;
}

// --- processes ---

bool FaultInjector::CrashNode(const Fault& fault, size_t node) {
  Node& victim = *nodes_[node];
  const size_t in_flight = victim.disk().in_flight();
  if (fault.kind == FaultKind::kTornCrash && in_flight == 0) return false;
  CountNode(fault.kind, node);
  const size_t choices =
      in_flight + (fault.kind == FaultKind::kTornCrash ? 0 : 1);
  victim.Crash(fault.choice / 16 % choices);
  world_.queue.Add(world_.now_us() + fault.duration_us, EventKind::kRestart,
                   static_cast<uint8_t>(node), victim.process());
  return true;
}

bool FaultInjector::CutPower(const Fault& fault) {
  CountAll(fault.kind);
  for (const std::unique_ptr<Node>& node : nodes_) {
    if (!node->up()) continue;
    node->Crash(fault.choice / 16 % (node->disk().in_flight() + 1));
    const int64_t after_us =
        1'000 + static_cast<int64_t>(Mix(fault.choice, node->index()) %
                                     static_cast<uint64_t>(fault.duration_us));
    world_.queue.Add(world_.now_us() + after_us, EventKind::kRestart,
                     static_cast<uint8_t>(node->index()), node->process());
  }
  return true;
}

bool FaultInjector::StrikeProcess(size_t position, uint32_t group) {
  const Fault& fault = plan_.faults[position];
  if (fault.kind == FaultKind::kPowerCut) return CutPower(fault);
  const std::optional<size_t> picked = PickNode(fault, group);
  if (!picked || !nodes_[*picked]->serving()) return false;
  Node& node = *nodes_[*picked];
  active_[position].node = picked;
  switch (fault.kind) {
    case FaultKind::kPause:
      if (node.paused()) return false;
      CountNode(fault.kind, *picked);
      node.Pause();
      world_.queue.Add(world_.now_us() + fault.duration_us, EventKind::kResume,
                       static_cast<uint8_t>(*picked), node.process());
      return true;
    case FaultKind::kClockDrift: {
      CountNode(fault.kind, *picked);
      const int64_t ppm_max =
          world_.options.core.lease_ticks > 0 ? 200'000 : 400'000;
      node.SetClockDrift(
          RandomSource(fault.choice, 7).Between(-ppm_max, ppm_max));
      return true;
    }
    default:
      return CrashNode(fault, *picked);
  }
}

// --- disks ---

bool FaultInjector::StrikeDisk(size_t position, uint32_t group) {
  const Fault& fault = plan_.faults[position];
  if (fault.kind == FaultKind::kBitRot) return Rot(fault, group);
  if (fault.kind == FaultKind::kOldDiskImage) {
    return LoseDisk(position, group, true);
  }
  if (fault.kind == FaultKind::kLostDisk) {
    return LoseDisk(position, group, false);
  }
  const std::optional<size_t> picked = PickNode(fault, group);
  if (!picked || !nodes_[*picked]->serving()) return false;
  Node& node = *nodes_[*picked];
  if (node.disk_health() != raft::DiskHealth::kHealthy) return false;
  active_[position].node = picked;
  CountNode(fault.kind, *picked);
  RandomSource random(fault.choice, 8);
  switch (fault.kind) {
    case FaultKind::kSlowDisk:
      node.SetSyncDelay(random.Between(10'000, 1'000'000));
      if (random.OneIn(2)) node.SetDiskHealth(raft::DiskHealth::kSlow);
      return true;
    case FaultKind::kStalledStore:
      node.SetSyncDelay(random.Between(10'000, 500'000));
      node.SetDiskHealth(raft::DiskHealth::kStalled);
      return true;
    case FaultKind::kFailingDisk:
      node.FailNextSync();
      return true;
    default:
      node.SetDiskHealth(raft::DiskHealth::kFull);
      return true;
  }
}

bool FaultInjector::Rot(const Fault& fault, uint32_t group) {
  const std::optional<size_t> node = PickNode(fault, group);
  if (!node || !nodes_[*node]->serving()) return false;
  // At most a few, and none while a member is missing for good.
  for (const std::unique_ptr<Node>& each : nodes_) {
    const Placement& placement = world_.groups[group].placements[each->index()];
    const std::optional<StoredReplica>& replica =
        each->disk().durable().replicas[group];
    if (placement.exists != replica.has_value()) return false;
    if (placement.exists &&
        world_.groups[group].checker.HasForgotten(replica->id)) {
      return false;
    }
  }
  RandomSource random(fault.choice, 9);
  bool struck = false;
  for (uint64_t count = 1 + random.Below(3); count > 0; --count) {
    struck |= RotEntry(group, *node, random.Next());
  }
  if (!struck) return false;
  world_.Strike(fault.kind, group);
  world_.queue.Add(world_.now_us() + random.Between(0, 2'000'000),
                   EventKind::kScrub, static_cast<uint8_t>(*node),
                   nodes_[*node]->process());
  return true;
}

bool FaultInjector::RotEntry(uint32_t group, size_t node, uint64_t choice) {
  const std::optional<StoredReplica>& victim =
      nodes_[node]->disk().durable().replicas[group];
  if (!victim || victim->log.last_index() == victim->log.base_index()) {
    return false;
  }
  const ReplicaLog& log = victim->log;
  const LogIndex index =
      log.base_index() + (1 + choice % (log.last_index() - log.base_index()));
  const LogEntry& entry = *log.Find(index);
  if (entry.kind == raft::EntryKind::kConfiguration || log.IsDamaged(index)) {
    return false;
  }
  // What was written meanwhile must still be the same entry.
  const ReplicaLog& written =
      nodes_[node]->disk().written().replicas[group]->log;
  if (written.Find(index) == nullptr ||
      written.ChainAt(index) != log.ChainAt(index)) {
    return false;
  }
  if (!operator_.StaysHeldElsewhere(group, node, index)) return false;
  nodes_[node]->Damage(group, index);
  return true;
}

bool FaultInjector::IsRefuted(size_t node, const DiskImage& image) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const std::unique_ptr<Node>& other) {
                       return other->index() != node && other->serving() &&
                              !other->paused() && !other->fails_soon() &&
                              !world_.network.IsCut(node, other->index()) &&
                              !world_.network.IsCut(other->index(), node) &&
                              other->CanRefute(node, image);
                     });
}

bool FaultInjector::LoseDisk(size_t position, uint32_t group, bool old_copy) {
  const Fault& fault = plan_.faults[position];
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const size_t node = (fault.choice + i) % nodes_.size();
    Node& victim = *nodes_[node];
    if (!victim.serving() || victim.paused() ||
        !victim.disk().durable().replicas[group] || !operator_.CanSpare(node)) {
      continue;
    }
    DiskImage image;
    if (old_copy) {
      if (active_[position].copies.empty()) return false;
      image = active_[position].copies[node];
      if (image.disk_id != victim.disk().durable().disk_id ||
          image.cycle == 0) {
        continue;
      }
    } else {
      image = victim.EmptyDisk();
    }
    if (!IsRefuted(node, image)) continue;
    CountNode(fault.kind, node);
    Forget(node, std::move(image));
    return true;
  }
  return false;
}

void FaultInjector::Forget(size_t node, DiskImage image) {
  Node& victim = *nodes_[node];
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    const std::optional<StoredReplica>& replica =
        victim.disk().durable().replicas[group];
    if (!replica) continue;
    world_.groups[group].checker.OnForgot(replica->id, replica->log);
  }
  forgot_ = Forgot{node, image.disk_id, world_.now_us()};
  victim.Crash(0);
  victim.SetSyncDelay(0);
  victim.ReplaceDisk(std::move(image));
  world_.queue.Add(world_.now_us() + 20'000, EventKind::kRestart,
                   static_cast<uint8_t>(node), victim.process());
}

// --- membership ---

bool FaultInjector::StrikeMembership(const Fault& fault, uint32_t group) {
  // Whose situation counts is the group as it is before.
  const Situations before = world_.SituationsOf(group);
  const auto is_damaged = [&](const std::unique_ptr<Node>& node) {
    const std::optional<StoredReplica>& replica =
        node->disk().durable().replicas[group];
    return replica && !replica->log.damaged().empty();
  };
  const bool damaged = std::any_of(nodes_.begin(), nodes_.end(), is_damaged);
  bool struck = false;
  switch (fault.kind) {
    case FaultKind::kMembershipChange:
      struck = operator_.ChangeMembership(group, fault.choice);
      break;
    case FaultKind::kTransfer:
      struck = operator_.Transfer(group, fault.choice);
      break;
    case FaultKind::kTrim: {
      // Others' copies may be the last that are intact.
      const std::optional<size_t> node = PickNode(fault, group);
      struck = !damaged && node && nodes_[*node]->Trim(group, fault.choice);
      break;
    }
    default:
      struck = !damaged && operator_.DropLeaver(group, fault.choice);
  }
  if (struck) world_.counts.Strike(fault.kind, before);
  return struck;
}

// --- the end of a fault ---

void FaultInjector::OnFaultEnd(uint32_t position) {
  Active& active = active_[position];
  if (!world_.healed) {
    for (const auto& [from, to] : active.cuts) world_.network.Restore(from, to);
  }
  active.cuts.clear();
  active.copies.clear();
  if (!active.node) return;
  Node& node = *nodes_[*active.node];
  switch (plan_.faults[position].kind) {
    case FaultKind::kClockDrift:
      node.SetClockDrift(0);
      return;
    case FaultKind::kSlowDisk:
    case FaultKind::kStalledStore:
    case FaultKind::kFullDisk:
      node.SetSyncDelay(0);
      node.SetDiskHealth(raft::DiskHealth::kHealthy);
      return;
    default:
      return;
  }
}

void FaultInjector::Heal() {
  world_.healed = true;
  waiting_.clear();
  world_.network.Heal();
  for (const std::unique_ptr<Node>& node : nodes_) {
    node->SetClockDrift(0);
    node->SetSyncDelay(0);
    if (node->paused()) node->Resume();
    if (!node->up()) {
      node->Start();
    } else {
      node->SetDiskHealth(raft::DiskHealth::kHealthy);
    }
    node->OnScrub();
  }
}

}  // namespace kappa::simulation
