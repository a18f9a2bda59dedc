#include "tests/server/fake_network.h"

#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/check.h"
#include "server/random_uuid.h"

namespace kappa::server {

class FakeSwitch::FakeNetwork final : public PeerNetwork {
 public:
  FakeNetwork(FakeSwitch* the_switch, NodeId self)
      : switch_(the_switch), self_(self) {}
  ~FakeNetwork() override { Stop(); }

  void SetPeer(NodeId, const std::string&) override {}
  void Send(NodeId node, std::vector<PeerMessage> messages) override {
    switch_->Deliver(self_, node, std::move(messages));
  }
  std::optional<int64_t> LastHeardUs(NodeId node) const override {
    if (switch_->Hears(self_, node)) {
      heard_[node] = switch_->clock_->MonotonicUs();
    }
    const auto found = heard_.find(node);
    if (found == heard_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<int64_t> ClockAheadUs(NodeId node) const override {
    return switch_->ClockAheadUs(self_, node);
  }
  void Forward(NodeId node, raft::v1::ForwardRequest request, int64_t,
               Callback<raft::v1::ForwardResponse> done) override {
    const auto callbacks = switch_->Reach(self_, node);
    if (callbacks == nullptr || !callbacks->forward) return done(Broken());
    callbacks->forward(std::move(request), std::move(done));
  }
  void AskPartition(NodeId node, raft::v1::PartitionRequest request, int64_t,
                    Callback<raft::v1::PartitionResponse> done) override {
    const auto callbacks = switch_->Reach(self_, node);
    if (callbacks == nullptr || !callbacks->ask_partition) {
      return done(Broken());
    }
    callbacks->ask_partition(std::move(request), std::move(done));
  }
  void Stop() override {
    MutexLock lock(&switch_->mutex_);
    switch_->endpoints_.erase(self_);
  }

 private:
  static absl::Status Broken() {
    return absl::UnavailableError("the node cannot be reached");
  }

  FakeSwitch* const switch_;
  const NodeId self_;
  mutable std::map<NodeId, int64_t> heard_;  // of the thread that looks
};

StartNetwork FakeSwitch::NetworkOf(NodeInfo self) {
  return [this, self](const Identity& identity, uint64_t open_id,
                      PeerCallbacks callbacks)
             -> absl::StatusOr<std::unique_ptr<PeerNetwork>> {
    auto endpoint = std::make_shared<Endpoint>(
        Endpoint{std::move(callbacks), self, identity, open_id});
    MutexLock lock(&mutex_);
    endpoints_[identity.node_id] = std::move(endpoint);
    return std::make_unique<FakeNetwork>(this, identity.node_id);
  };
}

void FakeSwitch::Cut(NodeId node) {
  MutexLock lock(&mutex_);
  cut_.insert(node);
}

void FakeSwitch::Mend(NodeId node) {
  MutexLock lock(&mutex_);
  cut_.erase(node);
}

void FakeSwitch::HideEvidence() {
  MutexLock lock(&mutex_);
  evidence_hidden_ = true;
}

void FakeSwitch::SetClock(NodeId node, int64_t ahead_us) {
  MutexLock lock(&mutex_);
  clocks_[node] = ahead_us;
}

std::optional<int64_t> FakeSwitch::ClockAheadUs(NodeId node, NodeId other) {
  MutexLock lock(&mutex_);
  if (ConnectedLocked(node, other)) clocks_heard_.insert({node, other});
  // A clock that was heard goes on.
  if (!clocks_heard_.contains({node, other})) return std::nullopt;
  return clock_->NowUs() - clock_->MonotonicUs() + clocks_[other];
}

absl::StatusOr<raft::v1::JoinResponse> FakeSwitch::Join(
    NodeId node, raft::v1::JoinRequest request) {
  const std::shared_ptr<Endpoint> endpoint = EndpointOf(node);
  if (endpoint == nullptr) return absl::UnavailableError("it is not reached");
  std::promise<absl::StatusOr<raft::v1::JoinResponse>> answer;
  endpoint->callbacks.join(
      std::move(request), [&answer](auto result) { answer.set_value(result); });
  return answer.get_future().get();
}

absl::Status FakeSwitch::Judge(NodeId node, const raft::v1::Hello& hello) {
  const std::shared_ptr<Endpoint> endpoint = EndpointOf(node);
  if (endpoint == nullptr) return absl::UnavailableError("it is not reached");
  return endpoint->callbacks.judge(hello);
}

std::shared_ptr<FakeSwitch::Endpoint> FakeSwitch::EndpointOf(NodeId node) {
  MutexLock lock(&mutex_);
  const auto found = endpoints_.find(node);
  return found == endpoints_.end() || cut_.contains(node) ? nullptr
                                                          : found->second;
}

uint64_t FakeSwitch::calls() const {
  MutexLock lock(&mutex_);
  return calls_;
}

uint64_t FakeSwitch::MessagesOf(GroupId group) const {
  MutexLock lock(&mutex_);
  const auto found = messages_.find(group);
  return found == messages_.end() ? 0 : found->second;
}

bool FakeSwitch::ConnectedLocked(NodeId a, NodeId b) const {
  return endpoints_.contains(a) && endpoints_.contains(b) &&
         !cut_.contains(a) && !cut_.contains(b);
}

raft::v1::Hello FakeSwitch::HelloOf(NodeId from, NodeId to, bool answer) const {
  const Endpoint& caller = *endpoints_.at(from);
  raft::v1::Hello hello;
  if (caller.callbacks.evidence_about && !evidence_hidden_) {
    *hello.mutable_greeting() = caller.callbacks.evidence_about(to);
  }
  hello.set_cluster_id(BytesOf(caller.identity.cluster_id));
  hello.set_to_node(to.value());
  hello.set_address(caller.self.address);
  hello.set_client_address(caller.self.client_address);
  hello.mutable_greeting()->set_from_node(from.value());
  hello.mutable_greeting()->set_disk_id(BytesOf(caller.identity.disk_id));
  hello.mutable_greeting()->set_open_id(caller.open_id);
  hello.mutable_greeting()->set_answer(answer);
  return hello;
}

bool FakeSwitch::GreetLocked(NodeId from, NodeId to) {
  const Endpoint& caller = *endpoints_.at(from);
  const Endpoint& called = *endpoints_.at(to);
  uint64_t& greeted = greeted_[{from, to}];
  if (greeted == (caller.open_id ^ called.open_id)) return true;
  if (!called.callbacks.judge(HelloOf(from, to, false)).ok()) return false;
  if (!caller.callbacks.judge(HelloOf(to, from, true)).ok()) return false;
  greeted = caller.open_id ^ called.open_id;
  return true;
}

bool FakeSwitch::Hears(NodeId node, NodeId other) {
  MutexLock lock(&mutex_);
  return ConnectedLocked(node, other) && GreetLocked(other, node) &&
         GreetLocked(node, other);
}

void FakeSwitch::Deliver(NodeId from, NodeId to,
                         std::vector<PeerMessage> messages) {
  MutexLock lock(&mutex_);
  if (!ConnectedLocked(from, to) || !GreetLocked(from, to)) return;
  const Endpoint& sender = *endpoints_.at(from);
  const PeerCallbacks& receiver = endpoints_.at(to)->callbacks;
  const uint64_t cycle =
      sender.callbacks.own_cycle ? sender.callbacks.own_cycle() : 0;
  if (receiver.note &&
      !receiver.note(from, sender.identity.disk_id, {sender.open_id, cycle})
           .ok()) {
    return;
  }
  for (const PeerMessage& sent : messages) {
    std::vector<std::string> contents;
    for (const Payload& content : sent.contents) {
      contents.push_back(content.ToString());
    }
    std::string bytes;
    encoder_.Encode(
        sent.message,
        std::vector<std::string_view>(contents.begin(), contents.end()), {},
        &bytes);
    KAPPA_CHECK(decoder_.Decode(bytes).ok(), "it was encoded here");
    PeerDelivery delivery;
    delivery.message.message = decoder_.decoded().message;
    for (const std::string_view content : decoder_.decoded().contents) {
      delivery.message.contents.push_back(
          Payload::FromString(std::string(content)));
    }
    ++messages_[sent.message.group];
    receiver.deliver(std::move(delivery));
  }
}

std::shared_ptr<const PeerCallbacks> FakeSwitch::Reach(NodeId from, NodeId to) {
  MutexLock lock(&mutex_);
  if (!ConnectedLocked(from, to)) return nullptr;
  ++calls_;
  const std::shared_ptr<Endpoint> endpoint = endpoints_.at(to);
  return {endpoint, &endpoint->callbacks};
}

}  // namespace kappa::server
