// NodeTls: mutual TLS between nodes, whose certificates follow their files.
#ifndef KAPPA_SERVER_PEER_NODE_TLS_H_
#define KAPPA_SERVER_PEER_NODE_TLS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/wire/tls_material.h"

namespace kappa::server {

// What both ends of a connection between nodes use, TLS 1.2 or 1.3. Each shows
// its certificate, and accepts one of the CA alone: clients of Kappa have
// certificates of another one. The certificate names, as its subject
// alternative names, the hosts under which other nodes call the node.
//
// New connections use what the files hold when they begin, or what was last
// good (TlsFollower); those that are there go on.
struct NodeTls {
  std::shared_ptr<grpc::ServerCredentials> server_credentials;  // of one server
  // As PeerTransportOptions::channel_credentials.
  std::function<std::shared_ptr<grpc::ChannelCredentials>()>
      channel_credentials;

  // Errors: INVALID_ARGUMENT: one of the files is not named; as LoadTlsFiles.
  static absl::StatusOr<NodeTls> Open(const TlsFiles& files);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_NODE_TLS_H_
