// How a kappad reaches the other nodes of its cluster.
#ifndef KAPPA_SERVER_CLUSTER_NETWORK_H_
#define KAPPA_SERVER_CLUSTER_NETWORK_H_

#include <functional>

#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "server/config.h"
#include "server/identity.h"
#include "server/node_directory.h"
#include "server/peer_network.h"

namespace kappa::server {

// What the node says of itself: addresses and rack. `node` and `disk_id` are
// left out.
NodeInfo SelfOf(const ServerConfig& config);

// Finds the cluster that `config` names (FindCluster); empty when it names
// none. `stop` is asked until it is found.
std::function<absl::StatusOr<Identity>()> FinderOf(const ServerConfig& config,
                                                   const Clock* clock,
                                                   std::function<bool()> stop);

// The network that `config` asks for; empty when the node stays alone.
// `clock` must outlive it.
StartNetwork NetworkOf(const ServerConfig& config, const Clock* clock);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CLUSTER_NETWORK_H_
