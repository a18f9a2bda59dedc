// PeerCalls: the unary calls of this node to the others.
#ifndef KAPPA_SERVER_PEER_PEER_CALLS_H_
#define KAPPA_SERVER_PEER_PEER_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "server/append_budget.h"
#include "server/peer/live_count.h"
#include "server/peer/peer_context.h"
#include "server/peer_network.h"

namespace kappa::server {

// One connection per node, which is begun when it is first needed and shared
// with no stream. A call waits for a connection that is being made, not for the
// next attempt. Requests count against a bound until their calls end.
//
// Thread safety: thread-safe.
class PeerCalls {
 public:
  // `bytes_max`: of all requests under way.
  PeerCalls(std::shared_ptr<PeerContext> context, size_t bytes_max,
            int64_t connect_timeout_us)
      : context_(std::move(context)),
        connect_timeout_us_(connect_timeout_us),
        budget_(bytes_max) {}
  // Requires: stopped.
  ~PeerCalls() = default;

  // As PeerNetwork::SetPeer; calls under way stay where they are.
  void SetPeer(NodeId node, const std::string& address);
  // Calls under way go on.
  void RemovePeer(NodeId node);

  // The node was heard: a connection that waits for its next attempt begins it.
  void RetryNow(NodeId node);

  // As in PeerNetwork. `done` may be called before they return. Errors besides
  // those: RESOURCE_EXHAUSTED with OVERLOADED, here or at the other end: too
  // much is under way, nothing happened; INVALID_ARGUMENT: a request above
  // kPeerForwardBytesMax.
  void Forward(NodeId node, raft::v1::ForwardRequest request,
               int64_t timeout_us,
               PeerNetwork::Callback<raft::v1::ForwardResponse> done);
  void AskPartition(NodeId node, raft::v1::PartitionRequest request,
                    int64_t timeout_us,
                    PeerNetwork::Callback<raft::v1::PartitionResponse> done);

  // Frees connections that are not needed any more, and replaces those whose
  // credentials have changed; calls under way stay where they are. Not to be
  // called within a callback of gRPC (RetiredStreams says why).
  void Renew();

  // Cancels all calls; every `done` was called on return. Idempotent, from any
  // number of threads.
  void Stop();

 private:
  struct Peer {
    std::string address;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<raft::v1::PeerService::Stub> stub;
  };
  // A call under way.
  struct Call {
    std::shared_ptr<Peer> peer;  // freed after what refers to it
    AppendBudget::Permit permit;
    grpc::ClientContext context;
  };
  template <typename Request, typename Response>
  struct CallOf;

  std::shared_ptr<Peer> MakePeer(
      const std::string& address,
      std::shared_ptr<grpc::ChannelCredentials> credentials) const;
  template <typename Request, typename Response, typename Begin>
  void Start(NodeId node, Request request, size_t passed_on_bytes,
             int64_t timeout_us, PeerNetwork::Callback<Response> done,
             Begin begin);
  // Errors: UNAVAILABLE: the node is not set, or all has stopped.
  absl::Status Register(NodeId node, const std::shared_ptr<Call>& call);
  void Unregister(const std::shared_ptr<Call>& call);

  const std::shared_ptr<PeerContext> context_;
  const int64_t connect_timeout_us_;
  AppendBudget budget_;
  LiveCount live_;

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<NodeId, std::shared_ptr<Peer>> peers_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  // Replaced or removed; freed by Renew once no call uses them.
  std::vector<std::shared_ptr<Peer>> former_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_CALLS_H_
