#include "tests/simulation/nodes/node_switch.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "proto/wire/check.h"
#include "server/random_uuid.h"

namespace kappa::node_simulation {
namespace {

using server::PeerClass;
using server::PeerMessage;

// As server/peer has them.
constexpr int64_t kBeatUs = 250'000;
constexpr int64_t kBackoffUs = 50'000;
constexpr int64_t kBackoffUsMax = 500'000;
// A connection over which nothing passes for so long breaks.
constexpr int64_t kDeadUs = 3'000'000;
constexpr size_t kQueueMax = 5'000;

absl::Status Broken() {
  return absl::UnavailableError("the node cannot be reached");
}

}  // namespace

// --- what a process sees ---

class NodeSwitch::Network final : public server::PeerNetwork {
 public:
  Network(NodeSwitch* the_switch, NodeId self, End end)
      : switch_(the_switch), self_(self), end_(std::move(end)) {}
  ~Network() override { Stop(); }

  void SetPeer(NodeId, const std::string&) override {}
  void Send(NodeId node, std::vector<PeerMessage> messages) override {
    if (switch_->Find(self_) != end_) return;
    switch_->Enqueue(self_, node, std::move(messages));
  }
  std::optional<int64_t> LastHeardUs(NodeId node) const override {
    return Find(end_->heard_us, node);
  }
  std::optional<int64_t> ClockAheadUs(NodeId node) const override {
    return Find(end_->clock_ahead_us, node);
  }
  void Forward(NodeId, raft::v1::ForwardRequest, int64_t,
               Callback<raft::v1::ForwardResponse> done) override {
    done(Broken());  // gRPC's half of the node has it
  }
  void AskPartition(NodeId node, raft::v1::PartitionRequest request,
                    int64_t timeout_us,
                    Callback<raft::v1::PartitionResponse> done) override {
    // After Stop nothing is answered later.
    if (switch_->Find(self_) != end_) return done(Broken());
    switch_->Begin<raft::v1::PartitionResponse>(
        self_, node, timeout_us,
        [request](
            const End& to,
            server::PeerCallbacks::Done<raft::v1::PartitionResponse> done) {
          to->callbacks.ask_partition(request, std::move(done));
        },
        std::move(done));
  }
  void Stop() override {
    if (switch_->Find(self_) != end_) return;
    switch_->endpoints_.erase(self_);
    switch_->FailCallsOf(self_);
  }

 private:
  static std::optional<int64_t> Find(const std::map<NodeId, int64_t>& times,
                                     NodeId node) {
    const auto found = times.find(node);
    if (found == times.end()) return std::nullopt;
    return found->second;
  }

  NodeSwitch* const switch_;
  const NodeId self_;
  const End end_;
};

server::StartNetwork NodeSwitch::NetworkOf(server::NodeInfo self,
                                           const Clock* clock) {
  return [this, self, clock](const server::Identity& identity, uint64_t open_id,
                             server::PeerCallbacks callbacks)
             -> absl::StatusOr<std::unique_ptr<server::PeerNetwork>> {
    auto end = std::make_shared<Endpoint>();
    end->callbacks = std::move(callbacks);
    end->self = self;
    end->identity = identity;
    end->open_id = open_id;
    end->clock = clock;
    endpoints_[identity.node_id] = end;
    // A new process tries at once.
    for (auto& [ends, way] : ways_) {
      if (ends.first == identity.node_id) way.next_try_us = world_->now_us;
    }
    return std::make_unique<Network>(this, identity.node_id, end);
  };
}

NodeSwitch::End NodeSwitch::Find(NodeId node) const {
  const auto found = endpoints_.find(node);
  return found == endpoints_.end() ? nullptr : found->second;
}

// --- connections ---

bool NodeSwitch::Connected(const Way& way, const End& from,
                           const End& to) const {
  return from != nullptr && to != nullptr && way.from_open == from->open_id &&
         way.to_open == to->open_id;
}

bool NodeSwitch::Judge(const Endpoint& caller, const Endpoint& called,
                       bool answer) const {
  raft::v1::Hello hello;
  hello.set_cluster_id(server::BytesOf(caller.identity.cluster_id));
  hello.set_to_node(called.identity.node_id.value());
  hello.set_address(caller.self.address);
  hello.set_client_address(caller.self.client_address);
  hello.set_rack(caller.self.rack);
  raft::v1::Greeting* greeting = hello.mutable_greeting();
  const bool hidden = world_->options.mutant == Mutant::kEvidenceHidden;
  if (caller.callbacks.evidence_about && !hidden) {
    *greeting = caller.callbacks.evidence_about(called.identity.node_id);
  }
  greeting->set_from_node(caller.identity.node_id.value());
  greeting->set_disk_id(server::BytesOf(caller.identity.disk_id));
  greeting->set_open_id(caller.open_id);
  greeting->set_answer(answer);
  return called.callbacks.judge(hello).ok();
}

void NodeSwitch::Connect(NodeId from, NodeId to, Way* way) {
  const End caller = Find(from);
  const End called = Find(to);
  const bool reached = caller != nullptr && called != nullptr &&
                       !cut(from, to) && !cut(to, from) &&
                       !paused_.contains(from) && !paused_.contains(to);
  // Both judge: the called one the hello, the caller the answer.
  if (!reached || !Judge(*caller, *called, false) ||
      !Judge(*called, *caller, true)) {
    way->next_try_us =
        world_->now_us + world_->network.Between(kBackoffUs, kBackoffUsMax);
    return;
  }
  way->from_open = caller->open_id;
  way->to_open = called->open_id;
  way->cut_since_us = -1;
  way->next_beat_us = world_->now_us;
}

void NodeSwitch::Break(NodeId node) {
  for (const auto& [ends, way] : ways_) {
    if (ends.first == node || ends.second == node) {
      Break(ends.first, ends.second);
    }
  }
}

void NodeSwitch::Break(NodeId from, NodeId to) {
  Way& way = ways_[{from, to}];
  way.from_open = way.to_open = 0;
  way.next_try_us =
      world_->now_us + world_->network.Between(kBackoffUs, kBackoffUsMax);
  for (auto& queue : way.queues) queue.clear();
}

void NodeSwitch::SetPaused(NodeId node, bool paused) {
  if (paused) {
    paused_.insert(node);
  } else {
    paused_.erase(node);
  }
}

// --- messages ---

void NodeSwitch::Enqueue(NodeId from, NodeId to,
                         std::vector<PeerMessage> messages) {
  const End sender = Find(from);
  Way& way = ways_[{from, to}];
  for (const PeerMessage& sent : messages) {
    ++world_->counts.messages;
    const size_t peer_class = server::IndexOf(server::ClassOf(sent.message));
    if (!Connected(way, sender, Find(to)) ||
        way.queues[peer_class].size() >= kQueueMax ||
        world_->network.Chance(lost_ppm)) {
      ++world_->counts.messages_lost;
      continue;
    }
    std::vector<std::string> contents;
    for (const Payload& content : sent.contents) {
      contents.push_back(content.ToString());
    }
    std::string bytes;
    encoder_.Encode(
        sent.message,
        std::vector<std::string_view>(contents.begin(), contents.end()),
        sent.state.ToString(), &bytes);
    world_->Trace(2, bytes);
    Put(*sender, &way, peer_class, std::move(bytes));
  }
}

void NodeSwitch::Put(const Endpoint& from, Way* way, size_t peer_class,
                     std::string bytes) {
  std::deque<Packet>& queue = way->queues[peer_class];
  if (queue.empty() && class_delay_us_max > 0 && world_->network.OneIn(4)) {
    way->slower_us[peer_class] = world_->network.Between(0, class_delay_us_max);
  }
  if (class_delay_us_max == 0) way->slower_us[peer_class] = 0;
  int64_t at_us =
      world_->now_us + way->slower_us[peer_class] +
      world_->network.Between(100, std::max<int64_t>(delay_us_max, 100));
  if (!queue.empty()) at_us = std::max(at_us, queue.back().arrives_us);
  const uint64_t cycle =
      from.callbacks.own_cycle ? from.callbacks.own_cycle() : 0;
  queue.push_back({at_us, from.clock->NowUs(), cycle, std::move(bytes)});
}

void NodeSwitch::StepWay(NodeId from, NodeId to) {
  Way& way = ways_[{from, to}];
  const End sender = Find(from);
  const End receiver = Find(to);
  if (!Connected(way, sender, receiver)) {
    way.from_open = way.to_open = 0;
    for (auto& queue : way.queues) queue.clear();
    if (world_->now_us >= way.next_try_us) Connect(from, to, &way);
    return;
  }
  if (!paused_.contains(from) && world_->now_us >= way.next_beat_us) {
    way.next_beat_us = world_->now_us + kBeatUs;
    Put(*sender, &way, server::IndexOf(PeerClass::kControl), "");
  }
  if (cut(from, to) || cut(to, from)) {
    if (way.cut_since_us < 0) way.cut_since_us = world_->now_us;
    if (world_->now_us - way.cut_since_us > kDeadUs) {
      way.from_open = way.to_open = 0;
      return;
    }
  } else {
    way.cut_since_us = -1;
  }
  // What is cut, or not read, waits in buffers.
  if (cut(from, to) || paused_.contains(to)) return;
  for (size_t i = 0; i < way.queues.size(); ++i) {
    while (!way.queues[i].empty() &&
           way.queues[i].front().arrives_us <= world_->now_us) {
      const Packet packet = std::move(way.queues[i].front());
      way.queues[i].pop_front();
      if (!Take(sender, receiver, packet)) return Break(from, to);
    }
  }
}

bool NodeSwitch::Take(const End& sender, const End& to, const Packet& packet) {
  const NodeId from = sender->identity.node_id;
  if (to->callbacks.note && !to->callbacks
                                 .note(from, sender->identity.disk_id,
                                       {sender->open_id, packet.cycle})
                                 .ok()) {
    return false;
  }
  to->heard_us[from] = to->clock->MonotonicUs();
  to->clock_ahead_us[from] = packet.clock_us - to->clock->MonotonicUs();
  if (packet.bytes.empty()) return true;
  KAPPA_CHECK(decoder_.Decode(packet.bytes).ok(), "it was encoded here");
  server::PeerDelivery delivery;
  delivery.message.message = decoder_.decoded().message;
  for (const std::string_view content : decoder_.decoded().contents) {
    delivery.message.contents.push_back(
        Payload::FromString(std::string(content)));
  }
  delivery.message.state =
      Payload::FromString(std::string(decoder_.decoded().state));
  to->callbacks.deliver(std::move(delivery));
  return true;
}

void NodeSwitch::Step() {
  std::vector<NodeId> nodes;
  for (const auto& [node, end] : endpoints_) nodes.push_back(node);
  for (const NodeId from : nodes) {
    for (const NodeId to : nodes) {
      if (from != to) StepWay(from, to);
    }
  }
  StepCalls();
}

// --- calls ---

template <typename Response>
void NodeSwitch::Begin(
    NodeId from, NodeId to, int64_t timeout_us,
    std::function<void(const End&, server::PeerCallbacks::Done<Response>)> ask,
    server::PeerCallbacks::Done<Response> done) {
  ++world_->counts.calls;
  using Done = server::PeerCallbacks::Done<Response>;
  // Empty once it was called.
  auto answer = std::make_shared<Done>(std::move(done));
  const auto give = [answer](absl::StatusOr<Response> response) {
    if (*answer) std::exchange(*answer, nullptr)(std::move(response));
  };
  Call call;
  call.from = from;
  call.to = to;
  call.late_us = world_->now_us + timeout_us;
  call.fail = [give](const absl::Status& status) { give(status); };
  Call back = call;
  call.run = [this, ask, give, back, to]() mutable {
    const End end = Find(to);
    if (end == nullptr) return give(Broken());
    ask(end, [this, give, back](absl::StatusOr<Response> response) mutable {
      auto shared =
          std::make_shared<absl::StatusOr<Response>>(std::move(response));
      std::swap(back.from, back.to);
      back.run = [give, shared] { give(std::move(*shared)); };
      calls_.emplace(
          world_->now_us + world_->network.Between(100, delay_us_max + 100),
          std::move(back));
    });
  };
  // If no answer comes, that is one too.
  Call late = call;
  late.run = [give] {
    give(absl::DeadlineExceededError("the call took too long"));
  };
  late.to = late.from;
  calls_.emplace(call.late_us, std::move(late));
  calls_.emplace(
      world_->now_us + world_->network.Between(100, delay_us_max + 100),
      std::move(call));
}

void NodeSwitch::StepCalls() {
  while (!calls_.empty() && calls_.begin()->first <= world_->now_us) {
    Call call = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    if (cut(call.from, call.to) || paused_.contains(call.to)) {
      if (world_->now_us < call.late_us) {
        calls_.emplace(world_->now_us + kBackoffUs, std::move(call));
      }
      continue;
    }
    call.run();
  }
}

void NodeSwitch::FailCallsOf(NodeId node) {
  std::vector<Call> failed;
  for (auto call = calls_.begin(); call != calls_.end();) {
    if (call->second.from == node || call->second.to == node) {
      failed.push_back(std::move(call->second));
      call = calls_.erase(call);
    } else {
      ++call;
    }
  }
  for (const Call& call : failed) call.fail(Broken());
}

void NodeSwitch::Join(
    NodeId to, raft::v1::JoinRequest request,
    server::PeerCallbacks::Done<raft::v1::JoinResponse> done) {
  Begin<raft::v1::JoinResponse>(
      NodeId(0), to, 5'000'000,
      [request](const End& end,
                server::PeerCallbacks::Done<raft::v1::JoinResponse> done) {
        end->callbacks.join(request, std::move(done));
      },
      std::move(done));
}

void NodeSwitch::After(int64_t us, std::function<void()> run) {
  Call call;
  call.run = std::move(run);
  call.fail = [](const absl::Status&) {};
  calls_.emplace(world_->now_us + us, std::move(call));
}

}  // namespace kappa::node_simulation
