// PeerTransport: messages and calls between this node and the others of its
// cluster.
//
//   Send ─> SendQueue ─> PeerLink ─> OutboundStream ══ TCP ══> InboundStream
//                (one of each per node and class)                  └─> deliver
//   Forward, AskPartition ─> PeerCalls ══ TCP ══> InboundCall ─> PeerCallbacks
#ifndef KAPPA_SERVER_PEER_PEER_TRANSPORT_H_
#define KAPPA_SERVER_PEER_PEER_TRANSPORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/listen_address.h"
#include "server/peer/hello.h"
#include "server/peer/peer_callbacks.h"
#include "server/peer/peer_message.h"
#include "server/peer/peer_status.h"
#include "server/peer_network.h"

namespace kappa::server {

struct PeerTransportOptions {
  // Where other nodes reach this one; not the clients' port.
  ListenAddress listen;
  // Who this node is. An empty address stands for where it listens in the end.
  PeerIdentity self;
  PeerCallbacks callbacks;
  const Clock* clock = nullptr;

  // What may wait for one node, by class, in bytes (CostOf).
  std::array<size_t, kPeerClassCount> queue_bytes = {
      size_t{16} << 20, size_t{32} << 20, size_t{24} << 20};
  // What one node may deliver before credits come back, by class, in bytes; one
  // frame more may come.
  std::array<size_t, kPeerClassCount> receive_window_bytes = {
      size_t{16} << 20, size_t{32} << 20, size_t{24} << 20};
  // What requests of unary calls may hold, in bytes, for each direction.
  size_t call_bytes = size_t{64} << 20;
  // Memory that gRPC may use for what comes in, in bytes, besides what the
  // windows of the nodes that are set and a frame of each class may hold.
  size_t quota_bytes = size_t{96} << 20;
  // A node says that it lives at least so often.
  int64_t beat_period_us = 250'000;
  // Who calls says a hello within so long, or a second more.
  int64_t hello_timeout_us = 5'000'000;
  int64_t connect_timeout_us = 3'000'000;
  int64_t backoff_first_us = 50'000;
  int64_t backoff_longest_us = 2'000'000;
  uint64_t seed = 0;  // of the jitter

  // nullptr: no TLS. Those for channels are asked for at each connection of a
  // stream and once a second; another object replaces channels that are kept
  // (NodeTls).
  std::shared_ptr<grpc::ServerCredentials> server_credentials;
  std::function<std::shared_ptr<grpc::ChannelCredentials>()>
      channel_credentials;
};

// Messages of one class from one node to another arrive in the order in which
// they were sent, each at most once, as long as the connection lasts; those of
// different classes in any order. A message may be lost: the queue is full, the
// node is away, the connection breaks.
//
// Thread safety: thread-safe.
class PeerTransport final : public PeerNetwork {
 public:
  // Listens, and accepts connections from now on.
  // Errors: as TryToListen.
  static absl::StatusOr<std::unique_ptr<PeerTransport>> Start(
      PeerTransportOptions options);
  ~PeerTransport() override;

  // Where it listens; the port is the real one.
  const ListenAddress& address() const;

  // Not needed for hearing the node.
  void SetPeer(NodeId node, const std::string& address) override;
  // Ends the connections from and to the node and forgets it, what waits
  // included. The node may call again: to keep it away is the judge's task.
  // Messages of it that are being delivered may still come.
  void RemovePeer(NodeId node);

  // Sends to the node: never waits, and drops what cannot be sent. Messages of
  // one call and class travel as one frame where it has room for them, so a
  // shard sends the heartbeats of all its groups in one call. To a node that
  // was not set, everything is dropped. Encodes and hands over to gRPC on this
  // thread when nothing else is under way.
  // Requires: each message has as many contents as entries, and the state of
  // its chunk.
  void Send(NodeId node, std::vector<PeerMessage> messages) override;
  void Send(NodeId node, PeerMessage message);

  // A node that is reached and lives is heard every beat_period_us.
  std::optional<int64_t> LastHeardUs(NodeId node) const override;
  std::optional<int64_t> ClockAheadUs(NodeId node) const override;

  // Errors besides those of PeerNetwork: as PeerCalls.
  void Forward(NodeId node, raft::v1::ForwardRequest request,
               int64_t timeout_us,
               Callback<raft::v1::ForwardResponse> done) override;
  void AskPartition(NodeId node, raft::v1::PartitionRequest request,
                    int64_t timeout_us,
                    Callback<raft::v1::PartitionResponse> done) override;

  // All nodes that are set or were heard, by id.
  std::vector<PeerStatus> Statuses() const;
  std::vector<PeerTraffic> Traffic() const override;
  // Messages to nodes that were not set.
  uint64_t dropped_unknown() const;

  // May be called by several threads at once. Not to be called within a
  // callback.
  void Stop() override;

 private:
  struct State;
  explicit PeerTransport(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_TRANSPORT_H_
