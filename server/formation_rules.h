// When a node without a cluster forms one, takes its place in one, or waits.
#ifndef KAPPA_SERVER_FORMATION_RULES_H_
#define KAPPA_SERVER_FORMATION_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/types.h"
#include "server/cluster_config.h"
#include "server/identity.h"
#include "server/node_directory.h"

namespace kappa::server {

// What a node of the peer list said last, by Clock::MonotonicUs.
struct ProbeResult {
  std::optional<raft::v1::ProbeResponse> answer;
  int64_t asked_us = 0;  // when `answer` was asked for
  std::string error;     // of the last question; empty: it was answered
};

struct FormationVerdict {
  enum class Action { kWait, kForm, kTakePlace };
  Action action = Action::kWait;
  std::string waits_for;  // kWait: for people
  // kWait: where a node of a cluster serves nodes that knows this node on
  // another disk, whose place this one may take; else empty.
  std::string replaces_at;
  Uuid cluster_id{};               // kTakePlace
  std::vector<NodeInfo> founders;  // kForm, kTakePlace; by node id
};

// The rules of the first start (server/README.md). `self` has no cluster;
// `results` are those of `peers`, one each; an answer to what was asked more
// than `fresh_us` ago counts as none.
//
// Requires: self is one of the peers.
//
// Errors: FAILED_PRECONDITION, with which the node must not go on: a peer of
// another protocol version; another node, of another disk, at the address that
// the list gives for this node. (One with this node's id elsewhere finds that
// out by itself, and this node waits.)
absl::StatusOr<FormationVerdict> JudgeProbes(
    const NodeInfo& self, const std::vector<PeerAddress>& peers,
    const std::vector<ProbeResult>& results, int64_t now_us, int64_t fresh_us);

raft::v1::ClusterNode ToClusterNode(const NodeInfo& node);
NodeInfo FromClusterNode(const raft::v1::ClusterNode& node);
// The cluster of a directory, as it was formed.
raft::v1::Formation FormationOf(const Identity& identity);
// Whether the formation is one: ids of 16 bytes, nodes by id, each once.
bool IsFormation(const raft::v1::Formation& formation);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_FORMATION_RULES_H_
