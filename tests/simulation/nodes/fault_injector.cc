#include "tests/simulation/nodes/fault_injector.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::node_simulation {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kProvokeUs = 150'000;
// So many are left with a majority when one is lost.
constexpr uint32_t kReplicasToLose = 3;

bool LosesDisk(FaultKind kind) {
  return kind == FaultKind::kDiskWiped || kind == FaultKind::kOldImage;
}

}  // namespace

FaultInjector::FaultInjector(Cluster* cluster, const Plan& plan)
    : cluster_(cluster), world_(cluster->world()), waiting_(plan.faults) {
  for (Fault& fault : waiting_) fault.at_us += world_.now_us;
  cluster_->BeforeStep([this] { EndWhatLasted(); });
  NodeSwitch& network = cluster_->network();
  if (plan.message_faults.contains(FaultKind::kLoss)) network.lost_ppm = 20'000;
  if (plan.message_faults.contains(FaultKind::kDelay)) {
    network.delay_us_max = 60'000;
  }
  if (plan.message_faults.contains(FaultKind::kReordering)) {
    network.class_delay_us_max = 200'000;
  }
}

void FaultInjector::Provoke(Situation situation) {
  if (world_.now_us - provoked_us_ < kProvokeUs) return;
  provoked_us_ = world_.now_us;
  Fault fault;
  fault.choice = simulation::Mix(world_.options.seed, ++provoked_);
  switch (situation) {
    case Situation::kTransfer:
      return Transfer(fault);
    case Situation::kMemberChange:
      fault.kind = FaultKind::kReplicas;
      return StrikeTopics(fault);
    case Situation::kMetadata:
      fault.kind = FaultKind::kTopicChanges;
      return StrikeTopics(fault);
    default:
      return;
  }
}

bool FaultInjector::IsDue(const Fault& fault, Situations now) {
  return world_.now_us >= fault.at_us &&
         (!fault.trigger.has_value() || (now & BitOf(*fault.trigger)) != 0) &&
         (!LosesDisk(fault.kind) || IsAllowed(fault));
}

bool FaultInjector::IsAllowed(const Fault& fault) {
  const Taken& taken = images_[fault.number];
  if (taken.node == nullptr || !cluster_->MayLoseDisk(taken.node)) return false;
  if (fault.kind != FaultKind::kOldImage) return true;
  return cluster_->RememberedBeyond(*taken.node, *taken.image,
                                    /*reached=*/false);
}

void FaultInjector::PrepareLoss(const Fault& fault) {
  Taken& taken = images_[fault.number];
  // It may be another disk by now.
  if (taken.node != nullptr && taken.disk == taken.node->self().disk_id) return;
  taken.node = Serving(fault.choice / 2);
  if (taken.node == nullptr) return;
  taken.disk = taken.node->self().disk_id;
  if (fault.kind == FaultKind::kOldImage) {
    taken.image = taken.node->disk().TakeImage();
  }
}

void FaultInjector::MakeRoomForLoss() {
  TopicAdmin& admin = cluster_->admin();
  if (!admin.idle()) return;
  const auto replicas = admin.replicas();
  for (const auto& [topic, count] : replicas) {
    if (count >= kReplicasToLose) continue;
    const auto scratch =
        std::find(scratch_topics_.begin(), scratch_topics_.end(), topic);
    if (scratch == scratch_topics_.end()) {
      admin.SetReplicas(topic, kReplicasToLose);
    } else {
      admin.Delete(topic);
      scratch_topics_.erase(scratch);
    }
  }
}

void FaultInjector::EndWhatLasted() {
  while (!ends_.empty() && ends_.begin()->first <= world_.now_us) {
    const auto end = std::move(ends_.begin()->second);
    ends_.erase(ends_.begin());
    end();
  }
}

void FaultInjector::Step() {
  if (waiting_.empty() || waiting_.front().at_us > world_.now_us) return;
  losing_ = false;
  for (const Fault& fault : waiting_) {
    if (fault.at_us > world_.now_us || !LosesDisk(fault.kind)) continue;
    losing_ = true;
    PrepareLoss(fault);
  }
  const bool looks =
      std::any_of(waiting_.begin(), waiting_.end(), [this](const Fault& fault) {
        return fault.trigger.has_value() && fault.at_us <= world_.now_us;
      });
  const Situations now =
      looks
          ? SituationsOn(LookAtGroups(cluster_->nodes(), nullptr), std::nullopt)
          : 0;
  const auto due =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const Fault& fault) { return IsDue(fault, now); });
  if (due == waiting_.end()) {
    if (losing_) MakeRoomForLoss();
    for (const Fault& fault : waiting_) {
      if (fault.at_us > world_.now_us || !fault.trigger.has_value()) continue;
      return Provoke(*fault.trigger);
    }
    return;
  }
  const Fault fault = *due;
  waiting_.erase(due);
  Strike(fault);
}

void FaultInjector::Heal() {
  waiting_.clear();
  images_.clear();
  while (!ends_.empty()) {
    const auto end = std::move(ends_.begin()->second);
    ends_.erase(ends_.begin());
    end();
  }
  NodeSwitch& network = cluster_->network();
  network.lost_ppm = 0;
  network.delay_us_max = 1'000;
  network.class_delay_us_max = 0;
  for (const auto& node : cluster_->nodes()) {
    node->clock.ahead_us = 0;
    node->AtNextMeeting(nullptr);
  }
  cluster_->StartAll();
}

// --- where ---

SimulatedNode* FaultInjector::Serving(uint64_t choice) {
  std::vector<SimulatedNode*> serving;
  for (const auto& node : cluster_->nodes()) {
    if (node->up() && !node->paused()) serving.push_back(node.get());
  }
  return serving.empty() ? nullptr : serving[choice % serving.size()];
}

SimulatedNode* FaultInjector::Leading() {
  std::map<NodeId, size_t> led;
  for (const auto& [group, look] : LookAtGroups(cluster_->nodes(), nullptr)) {
    if (look.leader.has_value()) ++led[*look.leader];
  }
  SimulatedNode* most = nullptr;
  for (const auto& node : cluster_->nodes()) {
    if (!node->up() || node->paused()) continue;
    if (most == nullptr || led[node->id()] > led[most->id()]) {
      most = node.get();
    }
  }
  return most;
}

std::vector<SimulatedNode*> FaultInjector::TargetsOf(const Fault& fault) {
  std::vector<SimulatedNode*> targets;
  const auto add = [&targets](SimulatedNode* node) {
    if (node == nullptr) return;
    if (std::find(targets.begin(), targets.end(), node) == targets.end()) {
      targets.push_back(node);
    }
  };
  switch (fault.kind) {
    case FaultKind::kPowerCut:
      for (const auto& node : cluster_->nodes()) {
        if (node->up()) add(node.get());
      }
      break;
    case FaultKind::kCutMinority:
      for (uint64_t i = 0; i < (cluster_->nodes().size() - 1) / 2; ++i) {
        add(Serving(fault.choice + i));
      }
      break;
    case FaultKind::kCutLeader:
      add(Leading());
      break;
    case FaultKind::kDiskWiped:
    case FaultKind::kOldImage:
      add(images_[fault.number].node);
      break;
    default:
      add(fault.choice % 2 == 0 ? Leading() : Serving(fault.choice / 2));
  }
  return targets;
}

// --- what ---

void FaultInjector::EndLater(const Fault& fault, std::function<void()> end) {
  ends_.emplace(world_.now_us + fault.duration_us, std::move(end));
}

void FaultInjector::Strike(const Fault& fault) {
  const std::vector<SimulatedNode*> targets = TargetsOf(fault);
  if (targets.empty()) return;
  world_.Say(TextOf(fault));
  const auto groups = LookAtGroups(cluster_->nodes(), nullptr);
  Situations situations = 0;
  for (const SimulatedNode* node : targets) {
    situations |= SituationsOn(groups, node->id());
  }
  world_.counts.Strike(fault.kind, situations);
  checker::Event event;
  event.type = checker::EventType::kFault;
  event.what = NameOf(fault.kind);
  cluster_->history().Add(std::move(event));
  switch (fault.kind) {
    case FaultKind::kCutMinority:
    case FaultKind::kCutLeader:
    case FaultKind::kOneWay:
    case FaultKind::kDisconnect:
      return StrikeNetwork(fault, targets);
    case FaultKind::kTransfer:
      return Transfer(fault);
    case FaultKind::kNodeAdded:
      if (cluster_->nodes().size() == world_.options.nodes) {
        cluster_->AddNode();
      }
      return;
    case FaultKind::kReplicas:
    case FaultKind::kTopicChanges:
      return StrikeTopics(fault);
    default:
      for (SimulatedNode* const node : targets) StrikeNode(fault, node);
  }
}

void FaultInjector::StrikeNetwork(const Fault& fault,
                                  const std::vector<SimulatedNode*>& targets) {
  NodeSwitch& network = cluster_->network();
  if (fault.kind == FaultKind::kDisconnect) {
    return network.Break(targets.front()->id());
  }
  const bool breaks = fault.choice / 16 % 2 == 0;
  uint64_t ways = 3;  // out and in
  if (fault.kind == FaultKind::kOneWay) ways = 1 + fault.choice / 32 % 2;
  if (fault.kind == FaultKind::kCutMeeting) ways = 1 + fault.choice / 32 % 3;
  std::vector<std::pair<NodeId, NodeId>> cut;
  for (SimulatedNode* const node : targets) {
    if (breaks) network.Break(node->id());
    for (const auto& other : cluster_->nodes()) {
      if (std::find(targets.begin(), targets.end(), other.get()) !=
          targets.end()) {
        continue;
      }
      if ((ways & 1) != 0) cut.emplace_back(node->id(), other->id());
      if ((ways & 2) != 0) cut.emplace_back(other->id(), node->id());
    }
  }
  for (const auto& [from, to] : cut) network.CutWay(from, to);
  EndLater(fault, [&network, cut] {
    for (const auto& [from, to] : cut) network.MendWay(from, to);
  });
}

void FaultInjector::StrikeNode(const Fault& fault, SimulatedNode* node) {
  switch (fault.kind) {
    case FaultKind::kCrash:
    case FaultKind::kTornCrash:
    case FaultKind::kPowerCut:
      node->Kill(fault.kind == FaultKind::kTornCrash);
      return cluster_->StartIn(
          node, fault.duration_us / 2 + world_.disks.Between(1'000, 300'000));
    case FaultKind::kDiskWiped:
    case FaultKind::kOldImage:
      node->Kill(false);
      cluster_->NoteLost(node);
      if (fault.kind == FaultKind::kDiskWiped) {
        node->LoseDisk();
      } else {
        node->PutBack(images_[fault.number].image);
      }
      images_.erase(fault.number);
      return cluster_->StartIn(
          node, fault.duration_us / 4 + world_.disks.Between(1'000, 300'000));
    case FaultKind::kCrashMeeting:
    case FaultKind::kCutMeeting:
      node->Kill(false);
      node->AtNextMeeting([this, fault, node] { StrikeMeeting(fault, node); });
      return cluster_->StartIn(
          node, fault.duration_us / 4 + world_.disks.Between(1'000, 300'000));
    case FaultKind::kPause:
      node->SetPaused(true);
      return EndLater(fault, [node] { node->SetPaused(false); });
    case FaultKind::kClockJump: {
      node->clock.ahead_us +=
          static_cast<int64_t>(fault.choice % (2 * kHourUs)) - kHourUs;
      return;
    }
    case FaultKind::kSlowDisk:
      node->SetSyncUsMax(400'000);
      return EndLater(fault, [node] { node->SetSyncUsMax(2'000); });
    case FaultKind::kFailingDisk:
      return node->FailNextSync(fault.choice / 4 % 2 == 0);
    case FaultKind::kFullDisk:
      node->SetFreeBytes(fault.choice / 4 % 2 == 0 ? 70 : 20);
      return EndLater(fault, [node] { node->SetFreeBytes(1'000); });
    case FaultKind::kRestart:
      node->ShutDown();
      return cluster_->StartIn(node, fault.duration_us / 4);
    default:
      return;
  }
}

void FaultInjector::StrikeMeeting(const Fault& fault, SimulatedNode* node) {
  if (fault.kind == FaultKind::kCutMeeting) return StrikeNetwork(fault, {node});
  const auto late_us = static_cast<int64_t>(fault.choice / 4 % 4 * 3'000);
  ends_.emplace(world_.now_us + late_us, [node] {
    if (node->meeting()) node->DieMeeting();
  });
}

void FaultInjector::Transfer(const Fault& fault) {
  const auto groups = LookAtGroups(cluster_->nodes(), nullptr);
  std::vector<std::pair<GroupId, NodeId>> led;
  for (const auto& [group, look] : groups) {
    if (look.leader.has_value() && group != GroupId(0)) {
      led.emplace_back(group, *look.leader);
    }
  }
  if (led.empty()) return;
  const auto [group, leader] = led[fault.choice / 2 % led.size()];
  for (const auto& node : cluster_->nodes()) {
    if (node->id() != leader || node->paused()) continue;
    node->node()->cluster_status()->TransferLeadership(group, std::nullopt,
                                                       [](const auto&) {});
  }
}

void FaultInjector::StrikeTopics(const Fault& fault) {
  TopicAdmin& admin = cluster_->admin();
  const std::string topic = fault.choice / 2 % 2 == 0 ? "orders" : "events";
  // A disk that is lost beside a majority of two is more than may be lost.
  const uint32_t fewest =
      losing_ || cluster_->rebuilding() ? kReplicasToLose : 1;
  if (fault.kind == FaultKind::kReplicas) {
    const uint64_t nodes = world_.options.nodes;
    return admin.SetReplicas(
        topic,
        std::max(fewest, 1 + static_cast<uint32_t>(fault.choice / 4 % nodes)));
  }
  const uint64_t act = fault.choice / 4 % 4;
  const auto partitions = admin.topics().find(topic);
  if (act == 0 && partitions != admin.topics().end()) {
    if (partitions->second < 6) {
      admin.AddPartitions(topic, partitions->second + 1, /*workload=*/true);
    }
  } else if (act == 1 && !scratch_topics_.empty()) {
    admin.Delete(scratch_topics_.back());
    scratch_topics_.pop_back();
  } else {
    scratch_topics_.push_back(absl::StrCat("scratch-", ++topics_));
    admin.Create(
        scratch_topics_.back(), 1 + fault.choice / 16 % 2,
        std::max(fewest, 1 + static_cast<uint32_t>(fault.choice / 32 % 3)),
        /*workload=*/false);
  }
}

}  // namespace kappa::node_simulation
