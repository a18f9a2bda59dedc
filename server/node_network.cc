#include "server/node_network.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/append_clock.h"
#include "server/logging.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

// A thread that was held up for longer tells the shards that so many ticks
// have passed.
constexpr int64_t kTicksMax = 2;
// While no shard has anything to do, the clock is looked at after so many ticks
// only: looking is most of what a node costs that nobody uses.
constexpr int64_t kIdleTicks = 3;
constexpr int64_t kSecondUs = 1'000'000;

uint64_t EventsOf(const PartitionRouter& router) {
  uint64_t events = 0;
  for (const Shard* const shard : router.shards()) {
    events += shard->counters().events.value();
  }
  return events;
}

// Answers as `method` while it is so, else UNAVAILABLE.
template <typename Request, typename Response>
PeerCallbacks::Method<Request, Response> While(
    const std::atomic<bool>* serving,
    PeerCallbacks::Method<Request, Response> method) {
  if (!method) return method;
  return [serving, method = std::move(method)](
             Request request, PeerCallbacks::Done<Response> done) {
    if (!serving->load(std::memory_order_acquire)) {
      return done(absl::UnavailableError(
          "the node does not serve others yet, or any more"));
    }
    method(std::move(request), std::move(done));
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeNetwork>> NodeNetwork::Start(
    NodeNetworkOptions options) {
  std::unique_ptr<NodeNetwork> network(new NodeNetwork(std::move(options)));
  auto peers =
      network->options_.start(network->options_.identity,
                              network->options_.open_id, network->Callbacks());
  if (!peers.ok()) return peers.status();
  network->peers_ = *std::move(peers);
  network->FollowDirectory();
  const absl::Status met = network->MeetOthers();
  if (!met.ok()) return met;
  for (Shard* const shard : network->options_.router->shards()) {
    shard->Post([peers = network->peers_.get()](Shard& shard) {
      shard.JoinNetwork(peers);
    });
  }
  NodeNetwork* const self = network.get();
  self->ticked_us_ = self->called_us_ = self->options_.clock->MonotonicUs();
  if (self->options_.turns != nullptr) {
    self->options_.turns->Add(self, TurnKind::kNetworkClock,
                              [self] { return self->LookAtClock(); });
  } else {
    self->thread_ = std::thread([self] { self->Run(); });
  }
  return network;
}

NodeNetwork::~NodeNetwork() { Stop(); }

PeerCallbacks NodeNetwork::Callbacks() {
  PeerCallbacks callbacks = options_.callbacks;
  callbacks.deliver = [this](PeerDelivery delivery) {
    if (!serving()) return;
    const GroupId group = delivery.message.message.group;
    options_.router->ShardOf(group)->Deliver(std::move(delivery));
  };
  callbacks.delivered = [this] {
    for (Shard* const shard : options_.router->shards()) shard->Help();
  };
  callbacks.judge = [this](const raft::v1::Hello& hello) {
    return Judge(hello);
  };
  callbacks.ask_partition =
      While(&serving_, std::move(callbacks.ask_partition));
  callbacks.forward = While(&serving_, std::move(callbacks.forward));
  callbacks.join = While(&serving_, std::move(callbacks.join));
  if (options_.generations == nullptr) return callbacks;
  callbacks.evidence_about = [this](NodeId node) {
    return EvidenceAbout(node);
  };
  callbacks.own_cycle = [this] {
    return options_.generations->Promised().cycle;
  };
  callbacks.note = [this](NodeId node, const Uuid& disk_id,
                          const raft::Generation& told) {
    return met_.Note(node, disk_id, told);
  };
  return callbacks;
}

bool NodeNetwork::MeetsLonger(int64_t begun_us, int64_t* majority_us) const {
  const int64_t now_us = options_.clock->MonotonicUs();
  const std::vector<NodeInfo> nodes = options_.nodes->All();
  const size_t met = static_cast<size_t>(
      std::count_if(nodes.begin(), nodes.end(), [this](const NodeInfo& node) {
        return node.node == options_.identity.node_id || met_.HasMet(node.node);
      }));
  if (met == nodes.size()) return false;
  if (2 * met > nodes.size() && *majority_us == 0) *majority_us = now_us;
  const bool lonely =
      *majority_us == 0 || *majority_us - begun_us >= options_.meeting_us;
  if (lonely && now_us - begun_us < options_.lonely_meeting_us) return true;
  return *majority_us != 0 && now_us - *majority_us < options_.meeting_us;
}

absl::Status NodeNetwork::MeetOthers() {
  constexpr int64_t kLookUs = 5'000;
  const int64_t begun_us = options_.clock->MonotonicUs();
  int64_t majority_us = 0;
  const auto met = [&] {
    for (const NodeInfo& node : options_.nodes->All()) {
      peers_->LastHeardUs(node.node);
    }
    return options_.generations == nullptr || !met_.forgotten().ok() ||
           !MeetsLonger(begun_us, &majority_us);
  };
  if (options_.turns != nullptr) {
    options_.turns->RunUntil(met, std::nullopt);
  } else {
    while (!met()) {
      MutexLock lock(&mutex_);
      stop_.WaitFor(&mutex_, kLookUs);
    }
  }
  // Who is told of its loss in between was not served here, and is later.
  serving_.store(true, std::memory_order_release);
  absl::Status forgotten = met_.forgotten();
  if (!forgotten.ok()) serving_.store(false, std::memory_order_release);
  return forgotten;
}

raft::v1::Greeting NodeNetwork::EvidenceAbout(NodeId node) const {
  const std::optional<NodeInfo> known = options_.nodes->Find(node);
  return known.has_value() ? met_.EvidenceAbout(known->disk_id)
                           : raft::v1::Greeting();
}

void NodeNetwork::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  if (options_.turns != nullptr) options_.turns->Remove(this);
  if (peers_ != nullptr) peers_->Stop();
}

void NodeNetwork::FollowDirectory() {
  const int64_t now_us = options_.clock->MonotonicUs();
  for (const NodeInfo& node : options_.nodes->All()) {
    if (node.node == options_.identity.node_id) continue;
    {
      MutexLock lock(&mutex_);
      const auto [peer, added] = known_.try_emplace(node.node);
      if (added) peer->second.since_us = peer->second.alive_since_us = now_us;
    }
    if (!node.address.empty()) peers_->SetPeer(node.node, node.address);
  }
}

int64_t NodeNetwork::MedianAheadUs() const {
  std::vector<NodeId> nodes;
  {
    MutexLock lock(&mutex_);
    for (const auto& [node, peer] : known_) nodes.push_back(node);
  }
  std::vector<int64_t> ahead_us = {options_.clock->NowUs() -
                                   options_.clock->MonotonicUs()};
  // A clock that was heard goes on, though its node may be silent: else the
  // median would fall back when a node dies.
  for (const NodeId node : nodes) {
    const std::optional<int64_t> told = peers_->ClockAheadUs(node);
    if (told.has_value()) ahead_us.push_back(*told);
  }
  return server::MedianAheadUs(std::move(ahead_us));
}

int64_t NodeNetwork::AliveForUs(NodeId node) const {
  const int64_t now_us = options_.clock->MonotonicUs();
  MutexLock lock(&mutex_);
  const auto found = known_.find(node);
  if (found == known_.end() || !found->second.alive) return 0;
  return now_us - found->second.alive_since_us;
}

absl::StatusOr<NodeInfo> NodeNetwork::Known(
    const raft::v1::Greeting& greeting) const {
  const NodeId node(greeting.from_node());
  std::optional<NodeInfo> known = options_.nodes->Find(node);
  if (!options_.nodes->current() && greeting.disk_id().size() == sizeof(Uuid)) {
    // This node has just joined, or was away: it may be that node which tells
    // it who was taken in since, and who is on another disk. To listen to one
    // that was replaced does no harm: its replicas are of an earlier
    // incarnation.
    if (!known.has_value()) known.emplace().node = node;
    known->disk_id = UuidOf(greeting.disk_id());
  }
  if (!known.has_value()) {
    return absl::UnavailableError(absl::StrCat(
        "hello: node ", node.value(), " is not known to be of this cluster"));
  }
  if (BytesOf(known->disk_id) != greeting.disk_id()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "hello: node ", node.value(), " of this cluster has disk ",
        absl::BytesToHexString(BytesOf(known->disk_id)), ", the caller disk ",
        absl::BytesToHexString(greeting.disk_id())));
  }
  return *std::move(known);
}

absl::Status NodeNetwork::Judge(const raft::v1::Hello& hello) {
  const NodeId node(hello.greeting().from_node());
  const absl::Status remembered = met_.JudgeEvidence(hello.greeting());
  if (IsForgotten(remembered) && serving_.exchange(false) &&
      options_.on_forgot) {
    options_.on_forgot(remembered);
  }
  if (!remembered.ok()) return remembered;
  absl::StatusOr<NodeInfo> known = Known(hello.greeting());
  if (!known.ok()) return known.status();
  const absl::Status met = met_.Judge(hello.greeting());
  if (!met.ok()) return met;
  NodeInfo told = *known;
  if (!hello.address().empty()) told.address = hello.address();
  if (!hello.client_address().empty()) {
    told.client_address = hello.client_address();
  }
  if (!hello.rack().empty()) told.rack = hello.rack();
  options_.nodes->SetTold(told);
  bool started_anew = false;
  {
    MutexLock lock(&mutex_);
    Peer& peer = known_[node];
    const uint64_t open_id = hello.greeting().open_id();
    if (peer.open_id != open_id) {
      peer.alive_since_us = options_.clock->MonotonicUs();
    }
    started_anew = peer.open_id != 0 && peer.open_id != open_id && peer.alive;
    peer.open_id = open_id;
  }
  // The shards must notice a start even if it was faster than the silence.
  if (started_anew) {
    TellShards(node, false);
    TellShards(node, true);
  }
  return absl::OkStatus();
}

void NodeNetwork::TellShards(NodeId node, bool alive) const {
  for (Shard* const shard : options_.router->shards()) {
    shard->Post(
        [node, alive](Shard& shard) { shard.OnNodeLiveness(node, alive); });
  }
}

void NodeNetwork::LookAtPeers(int64_t now_us) {
  std::vector<NodeId> nodes;
  {
    MutexLock lock(&mutex_);
    for (const auto& [node, peer] : known_) nodes.push_back(node);
  }
  // Without the lock: the network may judge a node meanwhile.
  std::map<NodeId, int64_t> heard;
  for (const NodeId node : nodes) {
    heard[node] = peers_->LastHeardUs(node).value_or(0);
  }
  std::vector<std::pair<NodeId, bool>> changes;
  {
    MutexLock lock(&mutex_);
    for (auto& [node, peer] : known_) {
      const int64_t heard_us = std::max(heard[node], peer.since_us);
      const bool alive = now_us - heard_us <= options_.silent_us;
      if (alive == peer.alive) continue;
      peer.alive = alive;
      peer.alive_since_us = now_us;
      changes.emplace_back(node, alive);
    }
  }
  for (const auto& [node, alive] : changes) {
    LogInfo(alive ? "a node is heard again" : "a node fell silent",
            {{"node", absl::StrCat(node.value())}});
    TellShards(node, alive);
  }
}

void NodeNetwork::Run() {
  uint64_t events = 0;
  while (true) {
    // Whoever needs ticks has an event with each.
    const uint64_t had = std::exchange(events, EventsOf(*options_.router));
    const int64_t ticks = events == had ? kIdleTicks : 1;
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      stop_.WaitFor(&mutex_, ticks * options_.tick_us);
      if (stopping_) return;
    }
    LookAtClock();
  }
}

bool NodeNetwork::LookAtClock() {
  const int64_t now_us = options_.clock->MonotonicUs();
  const int64_t passed = (now_us - ticked_us_) / options_.tick_us;
  if (passed <= 0) return false;
  ticked_us_ += passed * options_.tick_us;
  // Before the ticks: what was said while this process was stopped is read
  // first.
  LookAtPeers(now_us);
  if (options_.on_look) options_.on_look(*this);
  for (int64_t tick = std::min(passed, kTicksMax); tick > 0; --tick) {
    for (Shard* const shard : options_.router->shards()) shard->Tick();
  }
  if (options_.every_second && now_us - called_us_ >= kSecondUs) {
    called_us_ = now_us;
    options_.every_second(*this);
  }
  return true;
}

}  // namespace kappa::server
