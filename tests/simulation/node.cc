#include "tests/simulation/node.h"

#include <algorithm>

#include "proto/wire/check.h"

namespace kappa::simulation {
namespace {

// How long a process waits for those that it has not met before it serves.
constexpr int64_t kGreetingWaitUs = 300'000;
constexpr int64_t kGreetingPeriodUs = 50'000;
constexpr int64_t kNodeBeatPeriodUs = 100'000;

Uuid DiskIdOf(size_t node, uint64_t number) {
  Uuid disk{};
  disk[0] = static_cast<uint8_t>(node + 1);
  for (size_t i = 0; i < 8; ++i) {
    disk[1 + i] = static_cast<uint8_t>(number >> (8 * i));
  }
  return disk;
}

}  // namespace

Node::Node(World* world, size_t index)
    : world_(*world),
      index_(index),
      disk_(DiskIdOf(index, 1), world->options.nodes, world->options.groups),
      random_(world->options.seed, 100 + index),
      replicas_(world->options.groups),
      peers_(world->options.nodes) {
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    const GroupState& state = world_.groups[group];
    if (!state.placements[index].exists) continue;
    disk_.CreateReplica(
        group,
        ReplicaId{NodeId(index + 1), state.placements[index].incarnation},
        state.first);
  }
}

void Node::Start() {
  KAPPA_CHECK(!up(), "a process that is down starts");
  ++process_;
  state_ = State::kOpening;
  open_id_ = random_.Next() | 1;
  health_ = raft::DiskHealth::kHealthy;
  fail_next_sync_ = false;
  newest_sync_us_ = world_.now_us();
  disk_.Open(open_id_);
  StartCycle();
}

void Node::Crash(size_t kept) {
  KAPPA_CHECK(up(), "a process that runs ends");
  world_.counts.cycles_lost += disk_.Crash(std::min(kept, disk_.in_flight()));
  if (world_.IsMutant(OwnerMutant::kVoteNotPersisted)) disk_.ForgetVotes();
  state_ = State::kDown;
  paused_ = false;
  ++process_;
  former_ = std::move(late_);
  late_.clear();
  deferred_.clear();
  dirty_.clear();
  work_planned_ = false;
  for (Peer& peer : peers_) peer = Peer();
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    Replica& replica = replicas_[group];
    if (!replica.core) continue;
    replica = Replica();
    world_.groups[group].SetView(index_, ReplicaView());
  }
}

void Node::OnGreetingTimer() {
  const bool all_met =
      std::all_of(peers_.begin(), peers_.end(), [&](const Peer& peer) {
        return peer.open_id != 0 || &peer == &peers_[index_];
      });
  if (state_ == State::kGreeting &&
      (all_met || world_.now_us() >= serve_at_us_)) {
    Serve();
  }
  if (all_met) return;
  for (size_t to = 0; to < peers_.size(); ++to) {
    if (to != index_ && peers_[to].open_id == 0) SendGreeting(to, false);
  }
  world_.queue.Add(world_.now_us() + kGreetingPeriodUs, EventKind::kGreeting,
                   static_cast<uint8_t>(index_), process_);
}

void Node::Serve() {
  state_ = State::kServing;
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    if (disk_.durable().replicas[group]) StartCore(group);
  }
  ticked_us_ = world_.now_us();
  const auto node = static_cast<uint8_t>(index_);
  world_.queue.Add(world_.now_us() + kTickUs, EventKind::kTick, node, process_);
  if (world_.options.core.quiesce_ticks > 0) {
    world_.queue.Add(world_.now_us() + kNodeBeatPeriodUs, EventKind::kNodeBeat,
                     node, process_, static_cast<uint32_t>(index_));
  }
}

raft::CoreOptions Node::OptionsOf(uint32_t group) {
  raft::CoreOptions core = world_.options.core;
  core.self = replicas_[group].id;
  core.group = GroupId(group + 1);
  core.instance =
      world_.IsMutant(OwnerMutant::kReadInstanceReused) ? 1 : open_id_;
  core.random_seed = random_.Next();
  if (world_.options.priorities_differ) {
    core.priority = static_cast<uint8_t>(
        1 + Mix(world_.options.seed, group * 8 + index_) % 3);
  }
  return core;
}

void Node::StartCore(uint32_t group) {
  Replica& replica = replicas_[group];
  replica = Replica();
  replica.id = disk_.durable().replicas[group]->id;
  if (world_.IsMutant(OwnerMutant::kCutOnChecksumError)) {
    disk_.CutAtDamage(group);
  }
  world_.groups[group].checker.OnRestart(replica.id, DurableLog(group));
  replica.core = std::make_unique<raft::Core>(OptionsOf(group),
                                              DurableLog(group).Restore());
  replica.core->CheckInvariants();
  if (health_ != raft::DiskHealth::kHealthy) {
    replica.core->OnDiskHealth(health_);
  }
  replica.last_before = replica.core->last().index;
  // What was written since the last verified point is read at the start.
  for (LogIndex index : std::set<LogIndex>(DurableLog(group).damaged())) {
    ReportDamage(group, index);
  }
  MarkDirty(group);
  UpdateView(group);
}

void Node::Pause() { paused_ = true; }

void Node::Resume() {
  paused_ = false;
  std::erase_if(deferred_, [](const Event& event) {
    return event.kind == EventKind::kTick;
  });
  // The mutant's clock goes on from here, as if no time had passed.
  if (world_.IsMutant(OwnerMutant::kPauseUnnoticed)) {
    ticked_us_ = world_.now_us();
  }
  if (serving()) OnTick();
  const std::vector<Event> waiting = std::move(deferred_);
  deferred_.clear();
  for (const Event& event : waiting) {
    world_.queue.Add(world_.now_us(), event.kind, event.node, event.process,
                     event.index);
  }
}

void Node::OnTick() {
  const int64_t period_us = kTickUs * 1'000'000 / (1'000'000 + drift_ppm_);
  int64_t owed = (world_.now_us() - ticked_us_) / period_us;
  ticked_us_ += owed * period_us;
  for (; owed > 0; --owed) {
    for (uint32_t group = 0; group < replicas_.size(); ++group) {
      const std::unique_ptr<raft::Core>& core = replicas_[group].core;
      if (!core || core->quiescent()) continue;
      core->Tick();
      core->CheckInvariants();
      if (core->HasOutput()) MarkDirty(group);
    }
  }
  world_.queue.Add(ticked_us_ + period_us, EventKind::kTick,
                   static_cast<uint8_t>(index_), process_);
}

void Node::OnNodeBeatTimer() {
  world_.queue.Add(world_.now_us() + kNodeBeatPeriodUs, EventKind::kNodeBeat,
                   static_cast<uint8_t>(index_), process_,
                   static_cast<uint32_t>(index_));
  const int64_t silent_us = world_.options.election_us();
  for (size_t node = 0; node < peers_.size(); ++node) {
    if (node == index_) continue;
    Peer& peer = peers_[node];
    if (peer.alive && peer.heard_us + silent_us < world_.now_us()) {
      peer.alive = false;
      SetAlive(node, false);
    }
    const SimulatedNetwork::Arrivals arrivals =
        world_.network.Send(index_, node, world_.now_us(), 0, &world_.counts);
    for (size_t i = 0; i < arrivals.count; ++i) {
      world_.queue.Add(arrivals.at_us[i], EventKind::kNodeBeat,
                       static_cast<uint8_t>(node), process_,
                       static_cast<uint32_t>(index_));
    }
  }
}

void Node::OnNodeBeat(size_t from, uint32_t its_process) {
  if (!serving()) return;
  Peer& peer = peers_[from];
  peer.heard_us = world_.now_us();
  const bool started_anew = peer.process != 0 && peer.process != its_process;
  if (started_anew && peer.alive) SetAlive(from, false);
  if (started_anew || !peer.alive) SetAlive(from, true);
  peer.process = its_process;
  peer.alive = true;
}

void Node::SetAlive(size_t node, bool alive) {
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    const std::unique_ptr<raft::Core>& core = replicas_[group].core;
    if (!core) continue;
    core->OnNodeLiveness(NodeId(node + 1), alive);
    core->CheckInvariants();
    MarkDirty(group);
  }
}

void Node::MarkDirty(uint32_t group) {
  if (!replicas_[group].dirty) {
    replicas_[group].dirty = true;
    dirty_.push_back(group);
  }
  if (work_planned_) return;
  work_planned_ = true;
  world_.queue.Add(
      world_.now_us() + random_.Between(0, world_.options.work_delay_us_max),
      EventKind::kWork, static_cast<uint8_t>(index_), process_);
}

void Node::SetDiskHealth(raft::DiskHealth health) {
  health_ = health;
  if (world_.IsMutant(OwnerMutant::kDiskFullAsSuccess) &&
      health == raft::DiskHealth::kFull) {
    return;
  }
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    const std::unique_ptr<raft::Core>& core = replicas_[group].core;
    if (!core) continue;
    core->OnDiskHealth(health);
    core->CheckInvariants();
    MarkDirty(group);
  }
}

DiskImage Node::EmptyDisk() {
  DiskImage image;
  image.disk_id = DiskIdOf(index_, ++disks_used_);
  image.knowledge.disks.resize(peers_.size());
  image.replicas.resize(replicas_.size());
  return image;
}

// The directory has forgotten what it promised: its replicas are never heard of
// again, and an empty one takes its place.
void Node::SetAsideDisk() {
  ++world_.counts.amnesiacs_found;
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    Replica& replica = replicas_[group];
    if (replica.core) {
      replica.core->Halt();
      raft::Output rest = replica.core->TakeOutput();
      replica.core->Tick();
      if (replica.core->HasOutput() || !replica.core->halted()) {
        world_.breach.Report("a halted core acts");
      }
    }
    Placement& placement = world_.groups[group].placements[index_];
    if (!placement.exists) continue;
    placement.exists = false;
    if (!world_.IsMutant(OwnerMutant::kIncarnationReused)) {
      placement.incarnation = placement.incarnation.Next();
    }
  }
  Crash(0);
  const uint64_t disks_before = disks_used_;
  disk_.Replace(EmptyDisk());
  for (uint64_t number = 1; number <= disks_before; ++number) {
    disk_.SetAside(DiskIdOf(index_, number));
  }
  world_.queue.Add(world_.now_us() + 50'000, EventKind::kRestart,
                   static_cast<uint8_t>(index_), process_);
}

bool Node::CanRefute(size_t node, const DiskImage& image) const {
  const PeerKnowledge& known = disk_.written().knowledge;
  if (known.disks[node] == Uuid{}) return false;
  if (known.disks[node] != image.disk_id) {
    return std::find(image.set_aside.begin(), image.set_aside.end(),
                     known.disks[node]) == image.set_aside.end();
  }
  raft::OpenHistory after = image.opens;
  after.Begin(~uint64_t{0}, image.cycle + 1);
  for (const raft::Generation& evidence :
       known.generations.EvidenceAbout(image.disk_id)) {
    if (!after.Covers(evidence, image.cycle + 1)) return true;
  }
  return false;
}

void Node::CreateReplica(uint32_t group) {
  KAPPA_CHECK(serving(), "a process that serves");
  Placement& placement = world_.groups[group].placements[index_];
  placement.exists = true;
  disk_.CreateReplica(group,
                      ReplicaId{NodeId(index_ + 1), placement.incarnation},
                      world_.groups[group].first);
  StartCore(group);
}

void Node::DropReplica(uint32_t group) {
  Placement& placement = world_.groups[group].placements[index_];
  placement.exists = false;
  if (!world_.IsMutant(OwnerMutant::kIncarnationReused)) {
    placement.incarnation = placement.incarnation.Next();
  }
  disk_.DropReplica(group);
  replicas_[group] = Replica();
  std::erase(dirty_, group);
  world_.groups[group].SetView(index_, ReplicaView());
}

}  // namespace kappa::simulation
