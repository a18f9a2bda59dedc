// PeerNetwork: the other nodes of the cluster, as a node sees them. The real
// one is peer/peer_transport.h.
#ifndef KAPPA_SERVER_PEER_NETWORK_H_
#define KAPPA_SERVER_PEER_NETWORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/node_stats.h"
#include "server/peer/peer_callbacks.h"
#include "server/peer/peer_message.h"

namespace kappa::server {

// Thread safety: thread-safe.
class PeerNetwork {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  // As Stop.
  virtual ~PeerNetwork() = default;

  // Keeps connections to the node at `address`, HOST:PORT, from now on; with
  // another address than before they move there.
  // Requires: `node` is not this one.
  virtual void SetPeer(NodeId node, const std::string& address) = 0;
  // Sends to the node: never waits, and drops what cannot be sent.
  // Requires: as PeerTransport::Send.
  virtual void Send(NodeId node, std::vector<PeerMessage> messages) = 0;
  // When the node was last heard, by Clock::MonotonicUs; nullopt: never.
  virtual std::optional<int64_t> LastHeardUs(NodeId node) const = 0;
  // By how much the node's wall clock, as it said last, is ahead of this node's
  // Clock::MonotonicUs; nullopt: it never said.
  virtual std::optional<int64_t> ClockAheadUs(NodeId node) const = 0;

  // By node and class: who was set, and who was heard. Empty where nothing is
  // counted.
  virtual std::vector<PeerTraffic> Traffic() const { return {}; }

  // Calls of PeerService. The header is filled in here. `done` is called once,
  // on any thread. Errors (to `done`): those of the call; UNAVAILABLE: the node
  // cannot be reached, or the connection broke: what it was asked for may have
  // happened; DEADLINE_EXCEEDED.
  virtual void Forward(NodeId node, raft::v1::ForwardRequest request,
                       int64_t timeout_us,
                       Callback<raft::v1::ForwardResponse> done) = 0;
  virtual void AskPartition(NodeId node, raft::v1::PartitionRequest request,
                            int64_t timeout_us,
                            Callback<raft::v1::PartitionResponse> done) = 0;

  // Ends everything; every `done` was called on return, no callback is under
  // way or begins afterwards. Credits may be dropped later.
  virtual void Stop() = 0;
};

// Makes the network of a node, `open_id` being this start of it, which begins
// to call back at once.
// Errors: it cannot listen.
using StartNetwork = std::function<absl::StatusOr<std::unique_ptr<PeerNetwork>>(
    const Identity& identity, uint64_t open_id, PeerCallbacks callbacks)>;

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_NETWORK_H_
