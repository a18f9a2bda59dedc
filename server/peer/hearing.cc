#include "server/peer/hearing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

std::string DiskName(const Uuid& disk_id) {
  return absl::BytesToHexString(BytesOf(disk_id));
}

}  // namespace

absl::StatusOr<HeardPlace> Hearing::Admit(const Caller& caller,
                                          std::shared_ptr<HeardStream> stream,
                                          int64_t now_us) {
  std::shared_ptr<HeardStream> replaced;
  HeardPlace place;
  {
    MutexLock lock(&mutex_);
    auto found = nodes_.find(caller.node);
    if (found == nodes_.end()) {
      if (nodes_.size() == kNodesMax) {
        return absl::ResourceExhaustedError(
            absl::StrCat("hello: node ", caller.node.value(),
                         " would be one more than ", kNodesMax, " nodes"));
      }
      found = nodes_.emplace(caller.node, Node()).first;
    }
    Node& node = found->second;
    const bool connected =
        std::any_of(node.streams.begin(), node.streams.end(),
                    [](const Stream& of) { return of.live != nullptr; });
    if (connected && node.disk_id != caller.disk_id) {
      return absl::AlreadyExistsError(
          absl::StrCat("hello: node ", caller.node.value(),
                       " is connected from disk ", DiskName(node.disk_id),
                       ", and now calls from disk ", DiskName(caller.disk_id)));
    }
    node.address = caller.address;
    node.disk_id = caller.disk_id;
    node.open_id = caller.open_id;
    const size_t index = IndexOf(caller.peer_class);
    Stream& of = node.streams[index];
    if (of.place.counters == nullptr) {
      of.place.counters = std::make_shared<HeardCounters>();
      of.place.window = std::make_shared<ReceiveWindow>(window_bytes_[index]);
    }
    of.place.window->CallWhenOpen([weak = std::weak_ptr<HeardStream>(stream)] {
      if (const auto live = weak.lock()) live->OnWindowOpen();
    });
    replaced = std::exchange(of.live, std::move(stream));
    place = of.place;
    place.counters->last_heard_us.store(now_us, std::memory_order_relaxed);
  }
  if (replaced != nullptr) {
    replaced->End(absl::AbortedError("a newer stream took over"));
  }
  return place;
}

void Hearing::Remove(NodeId node, PeerClass peer_class,
                     const HeardStream* stream) {
  std::shared_ptr<HeardStream> last;  // released outside the lock
  MutexLock lock(&mutex_);
  auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  Stream& place = found->second.streams[IndexOf(peer_class)];
  if (place.live.get() == stream) last = std::move(place.live);
}

void Hearing::Forget(NodeId node) {
  std::vector<std::shared_ptr<HeardStream>> streams;
  {
    MutexLock lock(&mutex_);
    auto found = nodes_.find(node);
    if (found == nodes_.end()) return;
    for (Stream& stream : found->second.streams) {
      if (stream.live != nullptr) streams.push_back(std::move(stream.live));
    }
    nodes_.erase(found);
  }
  for (const auto& stream : streams) {
    stream->End(absl::UnavailableError("the node is no peer any more"));
  }
}

void Hearing::EndAll(const absl::Status& status) {
  std::vector<std::shared_ptr<HeardStream>> streams;
  {
    MutexLock lock(&mutex_);
    for (auto& [id, node] : nodes_) {
      for (Stream& stream : node.streams) {
        if (stream.live != nullptr) streams.push_back(stream.live);
      }
    }
  }
  for (const auto& stream : streams) stream->End(status);
}

std::optional<int64_t> Hearing::LastHeardUs(NodeId node) const {
  MutexLock lock(&mutex_);
  auto found = nodes_.find(node);
  if (found == nodes_.end()) return std::nullopt;
  int64_t newest_us = 0;
  for (const Stream& stream : found->second.streams) {
    if (stream.place.counters == nullptr) continue;
    newest_us = std::max(newest_us, stream.place.counters->last_heard_us.load(
                                        std::memory_order_relaxed));
  }
  return newest_us;
}

std::optional<int64_t> Hearing::ClockAheadUs(NodeId node) const {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return std::nullopt;
  const auto& counters =
      found->second.streams[IndexOf(PeerClass::kControl)].place.counters;
  if (counters == nullptr ||
      !counters->clock_told.load(std::memory_order_acquire)) {
    return std::nullopt;
  }
  return counters->clock_ahead_us.load(std::memory_order_relaxed);
}

absl::flat_hash_map<NodeId, PeerStatus::Hearing> Hearing::statuses() const {
  absl::flat_hash_map<NodeId, PeerStatus::Hearing> statuses;
  MutexLock lock(&mutex_);
  for (const auto& [id, node] : nodes_) {
    PeerStatus::Hearing& status = statuses[id];
    status.address = node.address;
    status.disk_id = node.disk_id;
    status.open_id = node.open_id;
    for (size_t i = 0; i < kPeerClassCount; ++i) {
      const Stream& stream = node.streams[i];
      if (stream.place.counters == nullptr) continue;
      HearingStatus& out = status.streams[i];
      const HeardCounters& in = *stream.place.counters;
      out.connected = stream.live != nullptr;
      out.received_frames = in.frames.load(std::memory_order_relaxed);
      out.received_messages = in.messages.load(std::memory_order_relaxed);
      out.received_bytes = in.bytes.load(std::memory_order_relaxed);
      status.last_heard_us =
          std::max(status.last_heard_us,
                   in.last_heard_us.load(std::memory_order_relaxed));
    }
  }
  return statuses;
}

}  // namespace kappa::server
