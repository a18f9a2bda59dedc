// GrpcServer: everything of a node that listens for gRPC calls.
#ifndef KAPPA_SERVER_RPC_GRPC_SERVER_H_
#define KAPPA_SERVER_RPC_GRPC_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/tls_material.h"
#include "server/listen_address.h"
#include "server/node.h"
#include "server/peer_network.h"
#include "server/rpc/forward_target.h"
#include "server/rpc/replay_pace.h"
#include "server/rpc/rpc_stats.h"
#include "storage/writer_load.h"

namespace kappa::server {

struct GrpcServerOptions {
  ListenAddress listen;
  // Without a certificate: plain text. With a CA: clients need a certificate of
  // it.
  TlsFiles tls = {};
  // Memory that gRPC may use for messages and connections, in bytes. Above it
  // streams are ended with RESOURCE_EXHAUSTED.
  size_t quota_bytes = size_t{224} << 20;
  // Threads that inflate, cut and write what readers asked for.
  int delivery_threads = 2;
  // Where calls go on that another node has to answer; null: nowhere.
  PeerNetwork* peers = nullptr;
  // Runs what other nodes pass on while the server does. May be null.
  ForwardTarget* forward_target = nullptr;
  ReplayPaceLimits replay_pace = {};
  // What replays give way to. Empty: Node::writer_load.
  std::function<storage::WriterLoad()> writer_load = {};
};

// Serves LogService, TopicService, grpc.health.v1 and server reflection.
//
// Order of an end: BeginShutdown, Node::Shutdown, PeerNetwork::Stop, Stop. The
// node, the clock and what the options name outlive the server.
// Thread safety: thread-safe.
class GrpcServer {
 public:
  // Listens and serves from now on.
  // Errors: as TryToListen and LoadTlsFiles.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      GrpcServerOptions options, Node* node, const Clock* clock);
  // As Stop.
  ~GrpcServer();

  // Where it listens; the port is the real one.
  const ListenAddress& address() const;
  const RpcStats& stats() const;

  // Health of the service "kappa.v1.LogService/Append" alone: whether appends
  // are accepted now.
  void SetAppending(bool accepted);

  // Tells health watchers, and ends every stream with UNAVAILABLE once what it
  // accepted is answered.
  void BeginShutdown();
  // Waits for open calls, at most about 1 s, then cancels them.
  void Stop();

 private:
  struct State;
  explicit GrpcServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_GRPC_SERVER_H_
