// ClusterConfig: which node of which cluster a kappad is.
#ifndef KAPPA_SERVER_CLUSTER_CONFIG_H_
#define KAPPA_SERVER_CLUSTER_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/tls_material.h"
#include "proto/wire/types.h"
#include "server/listen_address.h"

namespace kappa::server {

struct PeerAddress {
  NodeId node;
  std::string address;  // HOST:PORT
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

struct ClusterConfig {
  uint32_t node_id = 0;  // 0: not given
  // Who forms the cluster, by node id, this node included; empty: it alone.
  std::vector<PeerAddress> peers;
  std::vector<std::string> join;  // nodes of a cluster to become a node of
  // Where it serves nodes; absent: at kPeerListenDefault if it is a node of a
  // cluster, else nowhere.
  std::optional<ListenAddress> peer_listen;
  std::string advertise;       // HOST:PORT for clients; empty: as it listens
  std::string peer_advertise;  // HOST:PORT for nodes; empty: as it listens
  std::string rack;
  TlsFiles tls;  // between nodes
  uint32_t election_timeout_ms = 200;
  // How long an empty directory, which may be one that is not mounted, leaves a
  // former disk of the node its place.
  uint32_t replace_after_seconds = 60;

  // Whether it has, or may get, other nodes.
  bool listens() const {
    return peer_listen.has_value() || !peers.empty() || !join.empty();
  }
  ListenAddress PeerListen() const;
  // The node that it is: 1 where nothing is given; 0: the cluster that it joins
  // gives it one.
  NodeId Node() const {
    return NodeId(node_id == 0 && join.empty() ? 1 : node_id);
  }
};

inline constexpr uint16_t kPeerPortDefault = 7500;

// "1=HOST:PORT,2=HOST:PORT,...": ordered by id. Errors: INVALID_ARGUMENT: no
// list of that form; an id or address that comes twice, an id that is 0.
absl::StatusOr<std::vector<PeerAddress>> ParsePeers(std::string_view text);

// "HOST:PORT,HOST:PORT,...". Errors: INVALID_ARGUMENT.
absl::StatusOr<std::vector<std::string>> ParseAddressList(
    std::string_view text);

// What no single setting shows to be wrong; `insecure` allows addresses that
// other machines can reach without TLS. Errors: INVALID_ARGUMENT.
absl::Status CheckClusterConfig(const ClusterConfig& config,
                                const ListenAddress& listen, bool insecure);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CLUSTER_CONFIG_H_
