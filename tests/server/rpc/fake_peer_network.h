// FakePeerNetwork: a PeerNetwork whose calls end where the test says.
#ifndef KAPPA_TESTS_SERVER_RPC_FAKE_PEER_NETWORK_H_
#define KAPPA_TESTS_SERVER_RPC_FAKE_PEER_NETWORK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/mutex.h"
#include "server/peer_network.h"

namespace kappa::server {

// Thread safety: thread-safe once `on_forward` is set.
class FakePeerNetwork final : public PeerNetwork {
 public:
  struct Call {
    NodeId node;
    raft::v1::ForwardRequest request;
    int64_t timeout_us = 0;
  };
  using OnForward =
      std::function<void(const Call&, Callback<raft::v1::ForwardResponse>)>;

  explicit FakePeerNetwork(OnForward on_forward)
      : on_forward_(std::move(on_forward)) {}

  // So far.
  std::vector<Call> calls() const {
    MutexLock lock(&mutex_);
    return calls_;
  }

  void SetPeer(NodeId, const std::string&) override {}
  void Send(NodeId, std::vector<PeerMessage>) override {}
  std::optional<int64_t> LastHeardUs(NodeId) const override {
    return std::nullopt;
  }
  std::optional<int64_t> ClockAheadUs(NodeId) const override {
    return std::nullopt;
  }
  void Forward(NodeId node, raft::v1::ForwardRequest request,
               int64_t timeout_us,
               Callback<raft::v1::ForwardResponse> done) override {
    const Call call{node, std::move(request), timeout_us};
    {
      MutexLock lock(&mutex_);
      calls_.push_back(call);
    }
    on_forward_(call, std::move(done));
  }
  void AskPartition(NodeId, raft::v1::PartitionRequest, int64_t,
                    Callback<raft::v1::PartitionResponse> done) override {
    done(absl::UnimplementedError("not here"));
  }
  void Stop() override {}

 private:
  const OnForward on_forward_;
  mutable Mutex mutex_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_RPC_FAKE_PEER_NETWORK_H_
