// PartitionAsker: asks partitions wherever they are led.
//
//   Ask ──> here ── NOT_LEADER ──> the node that is said to lead ──> ...
//            ^                          │ AnswerPartitionRequest
#ifndef KAPPA_SERVER_PARTITION_ASKER_H_
#define KAPPA_SERVER_PARTITION_ASKER_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "server/partition_router.h"
#include "server/peer_network.h"

namespace kappa::server {

// The node that a refusal with NOT_LEADER names; nullopt for anything else.
std::optional<NodeId> LeaderNodeOf(const absl::Status& refusal);

// Answers for this node (PeerCallbacks::ask_partition). Refusals are in the
// response. Errors (to `done`): INVALID_ARGUMENT: the request asks for nothing,
// or names no producer.
void AnswerPartitionRequest(const PartitionRouter& router,
                            const raft::v1::PartitionRequest& request,
                            Node::Callback<raft::v1::PartitionResponse> done);

// Thread safety: thread-safe.
class PartitionAsker {
 public:
  using Done = Node::Callback<raft::v1::PartitionResponse>;
  // Null while there are no other nodes.
  using Peers = std::function<PeerNetwork*()>;

  // `router` outlives this.
  PartitionAsker(const PartitionRouter* router, Peers peers)
      : router_(router), peers_(std::move(peers)) {}

  // Asks here first, then where the partition is said to be led, at most
  // kHopsMax times. The response has a result, no error.
  // Errors (to `done`): those of the partition; NOT_LEADER without a node: no
  // leader was found, definite; OUTCOME_UNKNOWN: a fence may have been
  // committed.
  void Ask(const raft::v1::PartitionRequest& request, Done done) const;

 private:
  static constexpr int kHopsMax = 3;

  void FollowAnswer(const raft::v1::PartitionRequest& request, int hops,
                    absl::StatusOr<raft::v1::PartitionResponse> answer,
                    Done done) const;

  const PartitionRouter* const router_;
  const Peers peers_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PARTITION_ASKER_H_
