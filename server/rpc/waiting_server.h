// WaitingServer: what clients meet at a node that has no cluster yet.
#ifndef KAPPA_SERVER_RPC_WAITING_SERVER_H_
#define KAPPA_SERVER_RPC_WAITING_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/tls_material.h"
#include "proto/wire/types.h"
#include "server/listen_address.h"

namespace kappa::server {

struct WaitingServerOptions {
  ListenAddress listen;  // the clients' port
  TlsFiles tls;          // no cert: no TLS
  NodeId node;           // 0: it has no id yet
  const Clock* clock = nullptr;
};

// Answers GetHealth with what the node waits for, and DescribeCluster with the
// node alone. Every other call is refused as by a node that does not lead:
// nothing happened, and another node may know more.
//
// Thread safety: thread-safe.
class WaitingServer {
 public:
  // Errors: as GrpcServer::Start.
  static absl::StatusOr<std::unique_ptr<WaitingServer>> Start(
      const WaitingServerOptions& options);
  // The port is free on return.
  ~WaitingServer();

  // The port is the real one.
  const ListenAddress& address() const;
  // For people.
  void SetWaitsFor(const std::string& what);

 private:
  struct State;
  explicit WaitingServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_WAITING_SERVER_H_
