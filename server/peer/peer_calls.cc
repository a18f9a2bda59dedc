#include "server/peer/peer_calls.h"

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/peer/call_budget.h"
#include "server/peer/call_status.h"
#include "server/peer/hello.h"
#include "server/peer/peer_channel.h"
#include "server/peer/peer_limits.h"

namespace kappa::server {

template <typename Request, typename Response>
struct PeerCalls::CallOf final : Call {
  Request request;
  Response response;
  PeerNetwork::Callback<Response> done;
};

std::shared_ptr<PeerCalls::Peer> PeerCalls::MakePeer(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials) const {
  auto peer = std::make_shared<Peer>();
  peer->address = address;
  peer->channel = MakePeerChannel({.address = address,
                                   .credentials = credentials,
                                   .connect_timeout_us = connect_timeout_us_,
                                   .receive_bytes_max = kPeerReceiveBytesMax});
  peer->credentials = std::move(credentials);
  peer->stub = raft::v1::PeerService::NewStub(peer->channel);
  return peer;
}

void PeerCalls::SetPeer(NodeId node, const std::string& address) {
  auto credentials = context_->credentials();
  MutexLock lock(&mutex_);
  if (stopped_) return;
  std::shared_ptr<Peer>& place = peers_[node];
  if (place != nullptr && place->address == address) return;
  if (place != nullptr) former_.push_back(std::move(place));
  place = MakePeer(address, std::move(credentials));
}

void PeerCalls::RemovePeer(NodeId node) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(node);
  if (found == peers_.end()) return;
  former_.push_back(std::move(found->second));
  peers_.erase(found);
}

void PeerCalls::RetryNow(NodeId node) {
  std::shared_ptr<Peer> peer;
  {
    MutexLock lock(&mutex_);
    const auto found = peers_.find(node);
    if (found == peers_.end()) return;
    peer = found->second;
  }
  grpc::experimental::ChannelResetConnectionBackoff(peer->channel.get());
}

absl::Status PeerCalls::Register(NodeId node,
                                 const std::shared_ptr<Call>& call) {
  MutexLock lock(&mutex_);
  if (stopped_) {
    return absl::UnavailableError(
        absl::StrCat("node ", context_->self.node.value(), " is stopping"));
  }
  const auto found = peers_.find(node);
  if (found == peers_.end()) {
    return absl::UnavailableError(
        absl::StrCat("where node ", node.value(), " is, is not known"));
  }
  call->peer = found->second;
  calls_.insert(call);
  live_.Add();
  return absl::OkStatus();
}

void PeerCalls::Unregister(const std::shared_ptr<Call>& call) {
  MutexLock lock(&mutex_);
  calls_.erase(call);
}

template <typename Request, typename Response, typename Begin>
void PeerCalls::Start(NodeId node, Request request, size_t passed_on_bytes,
                      int64_t timeout_us, PeerNetwork::Callback<Response> done,
                      Begin begin) {
  auto call = std::make_shared<CallOf<Request, Response>>();
  absl::Status good = TakeCallBytes(passed_on_bytes, &budget_, &call->permit);
  if (good.ok()) good = Register(node, call);
  if (!good.ok()) return done(std::move(good));
  call->request = std::move(request);
  *call->request.mutable_header() = MakeCallHeader(context_->self, node);
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(timeout_us));
  auto* raw = call.get();
  begin(raw, [this, call = std::move(call)](grpc::Status status) mutable {
    Unregister(call);
    if (status.ok()) {
      call->done(std::move(call->response));
    } else if (status.error_code() == grpc::StatusCode::CANCELLED) {
      call->done(absl::UnavailableError("this node or the other one stopped"));
    } else {
      call->done(FromCallStatus(status));
    }
    // Before Stop may return: with the last call of a node goes its channel.
    call.reset();
    live_.Remove();
  });
}

void PeerCalls::Forward(NodeId node, raft::v1::ForwardRequest request,
                        int64_t timeout_us,
                        PeerNetwork::Callback<raft::v1::ForwardResponse> done) {
  const size_t bytes = request.request().size();
  Start(node, std::move(request), bytes, timeout_us, std::move(done),
        [](auto* call, auto end) {
          call->peer->stub->async()->Forward(&call->context, &call->request,
                                             &call->response, std::move(end));
        });
}

void PeerCalls::AskPartition(
    NodeId node, raft::v1::PartitionRequest request, int64_t timeout_us,
    PeerNetwork::Callback<raft::v1::PartitionResponse> done) {
  Start(node, std::move(request), 0, timeout_us, std::move(done),
        [](auto* call, auto end) {
          call->peer->stub->async()->AskPartition(
              &call->context, &call->request, &call->response, std::move(end));
        });
}

void PeerCalls::Renew() {
  const auto credentials = context_->credentials();
  std::vector<std::shared_ptr<Peer>> unused;  // freed after the lock
  MutexLock lock(&mutex_);
  for (auto& [node, peer] : peers_) {
    if (peer->credentials == credentials) continue;
    former_.push_back(peer);
    peer = MakePeer(peer->address, credentials);
  }
  std::vector<std::shared_ptr<Peer>> used;
  for (std::shared_ptr<Peer>& peer : former_) {
    // Nobody can get hold of it anew, so the count only falls.
    (peer.use_count() == 1 ? unused : used).push_back(std::move(peer));
  }
  former_.swap(used);
}

void PeerCalls::Stop() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const std::shared_ptr<Call>& call : calls) call->context.TryCancel();
  live_.WaitForZero();
}

}  // namespace kappa::server
