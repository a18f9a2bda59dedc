// JoinAsker: asks nodes of a cluster to take this node in.
#ifndef KAPPA_SERVER_JOIN_ASKER_H_
#define KAPPA_SERVER_JOIN_ASKER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "server/identity.h"
#include "server/node_directory.h"

namespace kappa::server {

// Thread safety: thread-compatible; Ask blocks the caller.
class JoinAsker {
 public:
  struct Options {
    // As the cluster is asked for it; node id 0: the cluster gives one.
    NodeInfo self;
    // The node may take the place of a former disk.
    bool replaces = false;
    std::function<std::shared_ptr<grpc::ChannelCredentials>()>
        channel_credentials;
    // The node is to end; asked a few times a second.
    std::function<bool()> stops;
  };

  explicit JoinAsker(Options options) : options_(std::move(options)) {}

  // Asks the addresses, and the leaders that they name, until one has taken the
  // node in: who it is then, not formed yet, not written anywhere. Nullopt:
  // none has; `failures` gets why.
  // Errors: CANCELLED: the node ends; FAILED_PRECONDITION, INVALID_ARGUMENT,
  // ALREADY_EXISTS, PERMISSION_DENIED: no repetition helps.
  absl::StatusOr<std::optional<Identity>> Ask(
      const std::vector<std::string>& addresses, std::string* failures) const;

 private:
  absl::StatusOr<raft::v1::JoinResponse> JoinAt(
      const std::string& address) const;
  absl::StatusOr<Identity> TakeIn(const raft::v1::JoinResponse& joined) const;

  const Options options_;
};

// What a node that ends without a cluster is answered.
absl::Status EndsWithoutCluster();

}  // namespace kappa::server

#endif  // KAPPA_SERVER_JOIN_ASKER_H_
