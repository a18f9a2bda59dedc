#include "server/cluster_network.h"

#include <memory>
#include <string>
#include <utility>

#include "server/formation.h"
#include "server/logging.h"
#include "server/peer/node_tls.h"
#include "server/peer/peer_transport.h"
#include "server/random_uuid.h"
#include "server/rpc/waiting_server.h"

namespace kappa::server {
namespace {

// A node that finds no cluster for so long tells clients so.
constexpr int64_t kFormingUs = 9'000'000;

// Several signs of life fit into the time after which a node is silent, which
// is twice the election timeout.
int64_t BeatPeriodUs(const ClusterConfig& cluster) {
  return int64_t{cluster.election_timeout_ms} * 550;
}

// Fills in the credentials of `options`, where TLS is asked for.
template <typename Options>
absl::Status Secure(const TlsFiles& files, Options* options) {
  if (files.cert.empty()) return absl::OkStatus();
  absl::StatusOr<NodeTls> tls = NodeTls::Open(files);
  if (!tls.ok()) return tls.status();
  options->server_credentials = tls->server_credentials;
  options->channel_credentials = tls->channel_credentials;
  return absl::OkStatus();
}

// Null when the port cannot be had: the node itself will say so.
std::unique_ptr<WaitingServer> StartWaiting(
    const WaitingServerOptions& options) {
  auto server = WaitingServer::Start(options);
  if (server.ok()) return *std::move(server);
  LogWarning("clients cannot be told what the node waits for",
             {{"error", std::string(server.status().message())}});
  return nullptr;
}

using ProbeMethod =
    PeerCallbacks::Method<raft::v1::ProbeRequest, raft::v1::ProbeResponse>;

// `answer`, which `watch` (may be absent) sees the questions of.
ProbeMethod Watched(ProbeMethod answer, ProbeMethod watch) {
  if (!watch) return answer;
  return [answer = std::move(answer), watch = std::move(watch)](
             raft::v1::ProbeRequest request,
             PeerCallbacks::Done<raft::v1::ProbeResponse> done) {
    watch(request, [](const auto&) {});
    answer(std::move(request), std::move(done));
  };
}

}  // namespace

NodeInfo SelfOf(const ServerConfig& config) {
  const ClusterConfig& cluster = config.cluster;
  NodeInfo self;
  self.address = cluster.peer_advertise.empty()
                     ? cluster.PeerListen().ToString()
                     : cluster.peer_advertise;
  self.client_address =
      cluster.advertise.empty() ? config.listen.ToString() : cluster.advertise;
  self.rack = cluster.rack;
  return self;
}

std::function<absl::StatusOr<Identity>()> FinderOf(const ServerConfig& config,
                                                   const Clock* clock,
                                                   std::function<bool()> stop) {
  const ClusterConfig& cluster = config.cluster;
  if (cluster.peers.empty() && cluster.join.empty()) return nullptr;
  FormationOptions options;
  options.data_dir = config.data_dir;
  options.self = SelfOf(config);
  options.self.node = cluster.Node();
  options.peers = cluster.peers;
  options.join = cluster.join;
  options.listen = cluster.PeerListen();
  options.clock = clock;
  options.replace_after_us = int64_t{cluster.replace_after_seconds} * 1'000'000;
  options.stop = std::move(stop);
  const WaitingServerOptions face = {.listen = config.listen,
                                     .tls = config.tls,
                                     .node = options.self.node,
                                     .clock = clock};
  return [options, face,
          files = cluster.tls]() mutable -> absl::StatusOr<Identity> {
    const absl::Status secured = Secure(files, &options);
    if (!secured.ok()) return secured;
    // Gone before the node serves clients itself.
    std::unique_ptr<WaitingServer> waiting;
    const int64_t begun_us = face.clock->MonotonicUs();
    options.on_waits = [&face, &waiting, begun_us](const std::string& what) {
      // Where a cluster is being formed, whoever finds the port open would take
      // the node for one that serves.
      if (face.clock->MonotonicUs() - begun_us < kFormingUs) return;
      if (waiting == nullptr) waiting = StartWaiting(face);
      if (waiting != nullptr) waiting->SetWaitsFor(what);
    };
    return FindCluster(options);
  };
}

StartNetwork NetworkOf(const ServerConfig& config, const Clock* clock) {
  if (!config.cluster.listens()) return nullptr;
  return
      [cluster = config.cluster, self = SelfOf(config), clock](
          const Identity& identity, uint64_t open_id, PeerCallbacks callbacks)
          -> absl::StatusOr<std::unique_ptr<PeerNetwork>> {
        PeerTransportOptions options;
        options.listen = cluster.PeerListen();
        options.self.cluster_id = BytesOf(identity.cluster_id);
        options.self.node = identity.node_id;
        options.self.disk_id = identity.disk_id;
        options.self.open_id = open_id;
        options.self.address = self.address;
        options.self.client_address = self.client_address;
        options.self.rack = self.rack;
        callbacks.probe = Watched(AnswerProbes(identity, self, cluster.peers),
                                  std::move(callbacks.probe));
        options.callbacks = std::move(callbacks);
        options.clock = clock;
        options.beat_period_us = BeatPeriodUs(cluster);
        options.seed = open_id;
        const absl::Status secured = Secure(cluster.tls, &options);
        if (!secured.ok()) return secured;
        return PeerTransport::Start(std::move(options));
      };
}

}  // namespace kappa::server
