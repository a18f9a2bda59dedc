#include "tests/server/peer/peer_fixture.h"

#include <chrono>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr int64_t kLookUs = 1'000;

}  // namespace

void Heard::Take(PeerDelivery delivery) {
  ReceiveCredit dropped;  // outside the lock
  MutexLock lock(&mutex_);
  messages_.push_back(std::move(delivery.message));
  if (keep_) {
    credits_.push_back(std::move(delivery.credit));
  } else {
    dropped = std::move(delivery.credit);
  }
  changed_.SignalAll();
}

void Heard::KeepCredits(bool keep) {
  std::vector<ReceiveCredit> dropped;  // outside the lock
  MutexLock lock(&mutex_);
  keep_ = keep;
  if (!keep) dropped.swap(credits_);
}

bool Heard::WaitFor(
    const std::function<bool(const std::vector<PeerMessage>&)>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  MutexLock lock(&mutex_);
  while (!condition(messages_)) {
    if (std::chrono::steady_clock::now() > end) return false;
    changed_.WaitFor(&mutex_, 100'000);
  }
  return true;
}

std::vector<PeerMessage> Heard::messages() const {
  MutexLock lock(&mutex_);
  return messages_;
}

size_t Heard::entry_messages() const {
  MutexLock lock(&mutex_);
  size_t count = 0;
  for (const PeerMessage& message : messages_) {
    const bool has_entries =
        message.message.type == raft::MessageType::kAppendRequest &&
        !message.contents.empty();
    count += has_entries ? 1 : 0;
  }
  return count;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  Mutex mutex;
  CondVar never;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    MutexLock lock(&mutex);
    never.WaitFor(&mutex, kLookUs);
  }
  return true;
}

PeerTransportOptions PeerFixture::OptionsOf(uint64_t node, Heard* heard) {
  PeerTransportOptions options;
  options.self.cluster_id = "cluster of tests";
  options.self.node = NodeId(node);
  options.self.disk_id.fill(static_cast<uint8_t>(node));
  options.self.open_id = 1000 + node;
  options.callbacks.deliver = [heard](PeerDelivery delivery) {
    heard->Take(std::move(delivery));
  };
  options.clock = &clock_;
  options.backoff_first_us = 2'000;
  options.backoff_longest_us = 20'000;
  // A loaded machine may be slow; nobody waits for this where it answers.
  options.connect_timeout_us = 20'000'000;
  options.seed = node;
  return options;
}

std::unique_ptr<PeerTransport> PeerFixture::Start(
    PeerTransportOptions options) {
  auto transport = PeerTransport::Start(std::move(options));
  KAPPA_CHECK(transport.ok(), "a free port");
  return *std::move(transport);
}

PeerStatus PeerFixture::StatusOf(const PeerTransport& transport,
                                 uint64_t node) {
  for (PeerStatus& status : transport.Statuses()) {
    if (status.node == NodeId(node)) return std::move(status);
  }
  return PeerStatus();
}

LinkStatus PeerFixture::LinkOf(const PeerTransport& transport, uint64_t node,
                               PeerClass peer_class) {
  const PeerStatus status = StatusOf(transport, node);
  if (!status.sending) return LinkStatus();
  return status.sending->links[IndexOf(peer_class)];
}

bool PeerFixture::WaitConnected(const PeerTransport& transport, uint64_t node) {
  return Eventually([&] {
    for (PeerClass peer_class : kPeerClasses) {
      if (LinkOf(transport, node, peer_class).state != LinkState::kConnected) {
        return false;
      }
    }
    return true;
  });
}

std::string PeerFixture::WaitForError(const PeerTransport& transport,
                                      uint64_t node) {
  std::string error;
  Eventually([&] {
    error = LinkOf(transport, node, PeerClass::kControl).last_error;
    return !error.empty();
  });
  return error;
}

}  // namespace kappa::server
