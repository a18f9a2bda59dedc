// Formation: how a node without a cluster finds its place in one.
//
//   directory ─> disk id reserved ─> Probe served, peers asked
//                                      ─> form | take a place | wait | refuse
#ifndef KAPPA_SERVER_FORMATION_H_
#define KAPPA_SERVER_FORMATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/wire/clock.h"
#include "server/cluster_config.h"
#include "server/identity.h"
#include "server/listen_address.h"
#include "server/node_directory.h"
#include "server/peer/peer_callbacks.h"

namespace kappa::server {

struct FormationOptions {
  std::string data_dir;
  // Node id, client address and rack; the disk id is the directory's. Its
  // address is that of the peer list, or where it will listen once it has
  // joined. Node id 0, to join only: the cluster gives one.
  NodeInfo self;
  // Either the static list, ordered by id, this node included, or node
  // addresses of the cluster to join.
  std::vector<PeerAddress> peers;
  std::vector<std::string> join;

  ListenAddress listen;
  // nullptr: no TLS.
  std::shared_ptr<grpc::ServerCredentials> server_credentials;
  std::function<std::shared_ptr<grpc::ChannelCredentials>()>
      channel_credentials;
  const Clock* clock = nullptr;
  // The node is to end; asked a few times a second, and between any two steps
  // that are durable.
  std::function<bool()> stop;

  // Told what the node waits for when that is logged. May be absent.
  std::function<void(const std::string&)> on_waits;

  int64_t period_us = 200'000;   // from question to question
  int64_t fresh_us = 1'000'000;  // an older answer is none
  // A directory that is merely empty leaves a former disk its place for so
  // long, and asks for it so often then.
  int64_t replace_after_us = 60'000'000;
  int64_t replace_period_us = 1'000'000;
  int64_t remind_us = 10'000'000;  // what is waited for is logged so often
};

// Returns the directory's identity; one without waits until there is a cluster
// for it, however long that takes, answers Probe meanwhile, and writes the
// identity it gets, not formed yet, durably. Where it listened is free on
// return.
//
// With a peer list: the node of the lowest id forms, and only when each node of
// the list answered within the last second with an empty directory, the same
// list and a disk of its own. A node whose disk a formation names takes its
// place there. A node that meets any other cluster waits to be added; where it
// knows the node on another disk, it asks to take the place of that, which is
// granted once that disk is not heard: at once where a directory was set aside
// here, else when replace_after_us has passed, since a disk may not be mounted.
// To join: asks the addresses, and the leader that they name, until one of them
// has taken the node in.
//
// Interrupted at any point, the same call on the same directory goes on.
//
// Requires: the caller holds the directory's lock, and the directory has an
// identity or no replicas.
// Errors: CANCELLED: options.stop; FAILED_PRECONDITION: the directory is
// another node's, or what JudgeProbes or Join refuses; INVALID_ARGUMENT: this
// node is not in the list; those of ReadIdentity, WriteIdentity and
// PeerTransport::Start.
absl::StatusOr<Identity> FindCluster(const FormationOptions& options);

// FAILED_PRECONDITION unless the directory is that of `node`; 0 stands for any.
absl::Status CheckNodeId(const std::string& data_dir, const Identity& identity,
                         NodeId node);

// How a node with an identity answers a probe. `self` and `peers` are what it
// was started with.
PeerCallbacks::Method<raft::v1::ProbeRequest, raft::v1::ProbeResponse>
AnswerProbes(const Identity& identity, const NodeInfo& self,
             const std::vector<PeerAddress>& peers);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_FORMATION_H_
