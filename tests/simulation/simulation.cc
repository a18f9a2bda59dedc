#include "tests/simulation/simulation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::simulation {
namespace {

constexpr int64_t kOperatorPeriodUs = 100'000;

// A network whose faults the plan leaves out has none of them.
SimulationOptions WithPlan(SimulationOptions options, const FaultPlan& plan) {
  const auto without = [&](FaultKind kind) {
    return !plan.message_faults.contains(kind);
  };
  NetworkRates& rates = options.network;
  if (without(FaultKind::kLoss)) rates.loss_ppm = 0;
  if (without(FaultKind::kDelay)) rates.delay_ppm = 0;
  if (without(FaultKind::kDuplication)) rates.duplication_ppm = 0;
  if (without(FaultKind::kReordering)) rates.reordering_ppm = 0;
  return options;
}

std::string TextOf(const std::vector<ReplicaId>& replicas) {
  std::string text;
  for (ReplicaId id : replicas) {
    absl::StrAppend(&text, " ", id.node.value(), ".", id.incarnation.value());
  }
  return text;
}

// Voters on consecutive nodes, beginning at another one for each group.
raft::Configuration FirstConfiguration(const SimulationOptions& options,
                                       uint32_t group) {
  raft::Configuration first;
  for (size_t i = 0; i < options.voters; ++i) {
    const size_t node = (group + options.seed + i) % options.nodes;
    first.voters.push_back(ReplicaId{NodeId(node + 1), Incarnation(1)});
  }
  std::sort(first.voters.begin(), first.voters.end());
  return first;
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options, const FaultPlan& plan)
    : world_(WithPlan(options, plan)),
      operator_(&world_, &nodes_),
      injector_(&world_, &nodes_, &operator_, plan),
      clients_(options.seed, 10) {
  for (uint32_t group = 0; group < options.groups; ++group) {
    const raft::Configuration first = FirstConfiguration(options, group);
    GroupState& state = world_.groups.emplace_back(group, options.nodes, first,
                                                   *this, &world_.breach);
    for (ReplicaId id : first.voters) {
      state.placements[id.node.value() - 1].exists = true;
    }
  }
  for (size_t node = 0; node < options.nodes; ++node) {
    nodes_.push_back(std::make_unique<Node>(&world_, node));
  }
}

const ReplicaLog* Simulation::DurableLog(uint32_t group,
                                         ReplicaId replica) const {
  const size_t node = replica.node.value() - 1;
  if (node >= nodes_.size()) return nullptr;
  const std::optional<StoredReplica>& stored =
      nodes_[node]->disk().durable().replicas[group];
  return stored && stored->id == replica ? &stored->log : nullptr;
}

RunResult Simulation::Run() {
  for (const std::unique_ptr<Node>& node : nodes_) node->Start();
  world_.queue.Add(0, EventKind::kOperator);
  world_.queue.Add(0, EventKind::kProposal);
  world_.queue.Add(0, EventKind::kRead);
  injector_.Begin();
  RunUntil(world_.options.duration_us);
  if (!world_.breach.found()) MustConverge();
  if (!world_.breach.found()) MustCommitOneMore();
  if (!world_.breach.found()) CompareChains();

  RunCounts& counts = world_.counts;
  counts.runs = 1;
  counts.simulated_us = static_cast<uint64_t>(world_.now_us());
  for (const GroupState& group : world_.groups) {
    counts.commits += group.checker.highest_committed().value();
    counts.leader_changes += group.checker.leader_changes();
    counts.configurations_finished += group.checker.configurations_finished();
  }
  return RunResult{world_.breach.text(), world_.trace, counts};
}

void Simulation::RunUntil(int64_t end_us) {
  while (!world_.breach.found() && world_.queue.front().at_us < end_us) {
    Dispatch(world_.queue.Take());
    injector_.OnEvent();
  }
}

bool Simulation::IsForNode(const Event& event) const {
  return event.kind <= EventKind::kScrub;
}

void Simulation::Dispatch(const Event& event) {
  ++world_.counts.events;
  world_.Trace(static_cast<uint64_t>(event.at_us) << 8 |
               static_cast<uint64_t>(event.kind) << 4 | event.node);
  if (IsForNode(event)) {
    DispatchToNode(event);
    return;
  }
  switch (event.kind) {
    case EventKind::kFault:
      injector_.OnFault(event.index);
      return;
    case EventKind::kFaultEnd:
      injector_.OnFaultEnd(event.index);
      return;
    case EventKind::kProposal:
      OnProposal();
      return;
    case EventKind::kRead:
      OnRead();
      return;
    default:
      operator_.Tend();
      world_.queue.Add(world_.now_us() + kOperatorPeriodUs,
                       EventKind::kOperator);
  }
}

void Simulation::DispatchToNode(const Event& event) {
  Node& node = *nodes_[event.node];
  const bool from_elsewhere =
      event.kind == EventKind::kDelivery ||
      (event.kind == EventKind::kNodeBeat && event.index != event.node);
  if (!from_elsewhere && event.process != node.process()) return;
  if (node.paused() && event.kind != EventKind::kResume) {
    node.Defer(event);
    return;
  }
  switch (event.kind) {
    case EventKind::kTick:
      node.OnTick();
      return;
    case EventKind::kDelivery:
      Deliver(event);
      return;
    case EventKind::kSync:
      node.OnSync();
      return;
    case EventKind::kCompletion:
      node.OnLateCompletion(event.index);
      return;
    case EventKind::kWork:
      node.OnWork();
      return;
    case EventKind::kGreeting:
      node.OnGreetingTimer();
      return;
    case EventKind::kRestart:
      if (!node.up()) node.Start();
      return;
    case EventKind::kResume:
      if (node.paused()) node.Resume();
      return;
    case EventKind::kNodeBeat:
      if (from_elsewhere) {
        if (!world_.network.IsCut(event.index, event.node)) {
          node.OnNodeBeat(event.index, event.process);
        }
      } else {
        node.OnNodeBeatTimer();
      }
      return;
    default:
      node.OnScrub();
  }
}

void Simulation::Deliver(const Event& event) {
  // Packets may move while one is looked at: new ones are sent meanwhile.
  const Packet packet = std::move(world_.network.packet(event.index));
  if (nodes_[event.node]->up()) nodes_[event.node]->OnPacket(packet);
  world_.network.packet(event.index).bytes =
      std::move(const_cast<Packet&>(packet).bytes);
  world_.network.Release(event.index);
}

uint32_t Simulation::PickGroup() {
  return static_cast<uint32_t>(clients_.Below(world_.groups.size()));
}

void Simulation::OnProposal() {
  if (world_.healed) return;
  const uint32_t group = PickGroup();
  // Mostly to the leader, sometimes to anyone.
  const size_t anyone = clients_.Below(nodes_.size());
  const bool strays = clients_.OneIn(20);
  Node* leader = operator_.LeaderOf(group);
  if (strays || leader == nullptr) leader = nodes_[anyone].get();
  if (!leader->paused()) leader->Propose(group);
  const int64_t period_us = 1'000'000 / world_.options.proposals_per_second;
  world_.queue.Add(world_.now_us() + clients_.Between(0, 2 * period_us),
                   EventKind::kProposal);
}

void Simulation::OnRead() {
  if (world_.healed) return;
  const uint32_t group = PickGroup();
  Node* node = nodes_[clients_.Below(nodes_.size())].get();
  if (clients_.OneIn(2)) {
    if (Node* leader = operator_.LeaderOf(group)) node = leader;
  }
  if (!node->paused()) node->Read(group);
  const int64_t period_us = 1'000'000 / world_.options.reads_per_second;
  world_.queue.Add(world_.now_us() + clients_.Between(0, 2 * period_us),
                   EventKind::kRead);
}

// --- liveness ---

bool Simulation::HasConverged(uint32_t group) const {
  const Node* leader = operator_.LeaderOf(group);
  if (leader == nullptr) return false;
  const raft::Core& core = *leader->core(group);
  const raft::Configuration& configuration = core.configuration();
  const auto agrees = [&](ReplicaId id) {
    const Node& node = *nodes_[id.node.value() - 1];
    const raft::Core* other = node.core(group);
    return other != nullptr && node.id(group) == id &&
           other->last() == core.last() &&
           other->committed() == core.last().index &&
           other->durable() == core.last().index && other->damaged().empty() &&
           other->term() == core.term();
  };
  return std::all_of(configuration.voters.begin(), configuration.voters.end(),
                     agrees) &&
         std::all_of(configuration.learners.begin(),
                     configuration.learners.end(), agrees);
}

std::string Simulation::Obstacle() const {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    const bool settled = operator_.IsSettled(group);
    if (settled && HasConverged(group)) continue;
    std::string text = absl::StrCat("group ", group, " after healing:");
    if (!settled) {
      text += " a member is missing, or a configuration is not finished:";
    }
    for (const std::unique_ptr<Node>& node : nodes_) {
      const raft::Core* core = node->core(group);
      if (core == nullptr) continue;
      absl::StrAppend(
          &text, " [node ", node->index() + 1, ".",
          node->id(group).incarnation.value(), " role ",
          static_cast<int>(core->role()), " term ", core->term().value(),
          " log ", core->base().index.value(), "..", core->last().index.value(),
          " committed ", core->committed().value(), " durable ",
          core->durable().value(), core->quiescent() ? " asleep" : "",
          core->transferring() ? " handing over" : "", " damaged ",
          core->damaged().size(), " voters",
          TextOf(core->configuration().voters), " outgoing",
          TextOf(core->configuration().outgoing_voters), " learners",
          TextOf(core->configuration().learners), "]");
    }
    return text;
  }
  return "all groups have converged";
}

// For two copies of the longest log, one after the other, in the smallest
// pieces: a voter that is replaced, and whom nothing is committed without, then
// a learner.
int64_t Simulation::CopyingUs() const {
  const SimulationOptions& options = world_.options;
  uint64_t entries = 0;
  for (const GroupState& group : world_.groups) {
    entries = std::max(entries, group.checker.highest_committed().value());
  }
  const uint64_t at_once =
      std::max<uint64_t>(1, std::min<uint64_t>(options.core.request_entries_max,
                                               options.core.request_bytes_max /
                                                   options.payload_bytes_max));
  const int64_t round_trip_us =
      2 * (options.network.delay_us_max + options.work_delay_us_max);
  return static_cast<int64_t>(2 * entries / at_once) * round_trip_us;
}

// Grows with each entry that is copied.
uint64_t Simulation::EntriesHeld() const {
  uint64_t entries = 0;
  for (const std::unique_ptr<Node>& node : nodes_) {
    for (uint32_t group = 0; group < world_.groups.size(); ++group) {
      const raft::Core* core = node->core(group);
      if (core != nullptr) entries += core->last().index.value();
    }
  }
  return entries;
}

void Simulation::MustConverge() {
  world_.Log("heal");
  injector_.Heal();
  // The clock of its own goes on when nothing happens for a while: all nodes
  // may just be opening slow disks.
  int64_t now_us = world_.now_us();
  const int64_t patience_us = 20 * world_.options.election_us();
  const int64_t end_us = now_us + patience_us + CopyingUs();
  int64_t grown_us = now_us;
  uint64_t held = EntriesHeld();
  while (!world_.breach.found()) {
    now_us += kTickUs;
    RunUntil(now_us);
    const uint64_t held_before = std::exchange(held, EntriesHeld());
    if (held > held_before) grown_us = now_us;
    bool converged = true;
    for (uint32_t group = 0; converged && group < world_.groups.size();
         ++group) {
      converged = operator_.IsSettled(group) && HasConverged(group);
    }
    if (converged) return;
    if (now_us >= std::min(end_us, grown_us + patience_us)) {
      world_.breach.Report(absl::StrCat(
          "does not converge within 20 election timeouts: ", Obstacle()));
    }
  }
}

void Simulation::MustCommitOneMore() {
  struct Before {
    LogIndex committed;
    uint64_t reads;
  };
  std::vector<Before> before;
  for (const GroupState& group : world_.groups) {
    before.push_back(Before{group.checker.highest_committed(),
                            group.checker.reads_answered()});
  }
  // A client asks again: leadership may go to a preferred voter just now.
  int64_t now_us = world_.now_us();
  const int64_t end_us = now_us + 4 * world_.options.election_us();
  while (!world_.breach.found()) {
    bool done = true;
    for (uint32_t group = 0; group < world_.groups.size(); ++group) {
      const GroupChecker& checker = world_.groups[group].checker;
      const bool committed =
          checker.highest_committed() > before[group].committed;
      const bool answered = checker.reads_answered() > before[group].reads;
      done = done && committed && answered && HasConverged(group);
      Node* leader = operator_.LeaderOf(group);
      if (leader == nullptr) continue;
      if (!committed) leader->Propose(group);
      if (!answered) leader->Read(group);
    }
    // What follows looks at the clusters as they are now.
    if (done) return;
    if (now_us >= end_us) {
      world_.breach.Report(
          absl::StrCat("a healthy cluster does not commit, or not answer "
                       "reads: ",
                       Obstacle()));
    }
    now_us += 5 * kTickUs;
    RunUntil(now_us);
  }
}

void Simulation::CompareChains() {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    const GroupChecker& checker = world_.groups[group].checker;
    const raft::Core& core = *operator_.LeaderOf(group)->core(group);
    for (ReplicaId voter : core.configuration().voters) {
      const ReplicaLog& log = *DurableLog(group, voter);
      if (log.ChainAt(log.last_index()) !=
          checker.CommittedChain(checker.highest_committed())) {
        world_.breach.Report(absl::StrCat(
            "group ", group, ": the chain digest of node ", voter.node.value(),
            " differs from what was committed"));
      }
    }
  }
}

}  // namespace kappa::simulation
