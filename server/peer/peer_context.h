// PeerContext: what all streams of one transport share.
#ifndef KAPPA_SERVER_PEER_PEER_CONTEXT_H_
#define KAPPA_SERVER_PEER_PEER_CONTEXT_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/status.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/append_budget.h"
#include "server/peer/awaited_hellos.h"
#include "server/peer/hearing.h"
#include "server/peer/hello.h"
#include "server/peer/live_count.h"
#include "server/peer/peer_callbacks.h"
#include "server/peer/refusal_log.h"
#include "server/peer/retired_streams.h"

namespace kappa::server {

// Constant once the transport has started, but for what is thread-safe itself.
struct PeerContext {
  PeerContext(size_t call_bytes_max, const Hearing::WindowBytes& window_bytes,
              int64_t hello_timeout_us)
      : inbound_call_bytes(call_bytes_max),
        hearing(window_bytes),
        hellos(hello_timeout_us) {}

  PeerIdentity self;
  PeerCallbacks callbacks;
  const Clock* clock = nullptr;
  // For an attempt to reach a node.
  std::function<std::shared_ptr<grpc::ChannelCredentials>()> credentials;
  // False until `self` is complete: the port may have been any free one.
  std::atomic<bool> serving{false};
  // What unary calls of other nodes hold.
  AppendBudget inbound_call_bytes;
  // A node was heard for the first time on a stream.
  std::function<void(NodeId)> on_caller;
  Hearing hearing;
  AwaitedHellos hellos;
  RefusalLog refusals;
  RetiredStreams retired;
  // Streams of both directions, and calls of other nodes, whose OnDone is not
  // over.
  LiveCount live;

  raft::v1::Hello HelloTo(NodeId node, PeerClass peer_class,
                          bool answer) const {
    raft::v1::Greeting known;
    if (callbacks.evidence_about) known = callbacks.evidence_about(node);
    return MakeHello(self, node, peer_class, std::move(known), answer);
  }
  absl::Status Judge(const raft::v1::Hello& hello) const {
    return callbacks.judge ? callbacks.judge(hello) : absl::OkStatus();
  }
  uint64_t OwnCycle() const {
    return callbacks.own_cycle ? callbacks.own_cycle() : 0;
  }
  absl::Status Note(const Hearing::Caller& caller, uint64_t cycle) const {
    if (!callbacks.note) return absl::OkStatus();
    return callbacks.note(caller.node, caller.disk_id, {caller.open_id, cycle});
  }
};

// The two kinds of status have the same codes.
inline grpc::Status ToPlainGrpcStatus(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}
inline absl::Status FromGrpcStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_CONTEXT_H_
