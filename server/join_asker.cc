#include "server/join_asker.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpcpp/client_context.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "server/errors.h"
#include "server/formation_rules.h"
#include "server/latch.h"
#include "server/peer/call_status.h"
#include "server/peer/peer_channel.h"
#include "server/peer/peer_limits.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr int64_t kJoinTimeoutUs = 5'000'000;
constexpr int64_t kStopLookUs = 100'000;

// What no repetition helps against.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
         absl::IsPermissionDenied(status);
}

std::string LeaderOf(const absl::Status& error) {
  const v1::ErrorInfo info = ErrorInfoOf(error);
  const auto found = info.metadata().find("leader_peer");
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace

absl::Status EndsWithoutCluster() {
  return absl::CancelledError("the node ends before it has a cluster");
}

absl::StatusOr<std::optional<Identity>> JoinAsker::Ask(
    const std::vector<std::string>& addresses, std::string* failures) const {
  std::vector<std::string> asked;
  std::vector<std::string> failed;
  // Back to front, so that a leader's address is the next one.
  std::vector<std::string> next(addresses.rbegin(), addresses.rend());
  while (!next.empty()) {
    const std::string address = std::move(next.back());
    next.pop_back();
    if (std::find(asked.begin(), asked.end(), address) != asked.end()) {
      continue;
    }
    asked.push_back(address);
    if (options_.stops()) return EndsWithoutCluster();
    auto joined = JoinAt(address);
    if (joined.ok()) {
      absl::StatusOr<Identity> identity = TakeIn(*joined);
      if (!identity.ok()) return identity.status();
      return std::optional<Identity>(*std::move(identity));
    }
    if (IsRefusal(joined.status())) return joined.status();
    failed.push_back(absl::StrCat(address, ": ", joined.status().message()));
    std::string leader = LeaderOf(joined.status());
    if (!leader.empty()) next.push_back(std::move(leader));
  }
  absl::StrAppend(failures, failures->ends_with(' ') ? "" : "; ",
                  absl::StrJoin(failed, "; "));
  return std::optional<Identity>();
}

absl::StatusOr<raft::v1::JoinResponse> JoinAsker::JoinAt(
    const std::string& address) const {
  const auto channel =
      MakePeerChannel({.address = address,
                       .credentials = options_.channel_credentials(),
                       .connect_timeout_us = kJoinTimeoutUs,
                       .receive_bytes_max = kPeerReceiveBytesMax});
  const auto stub = raft::v1::PeerService::NewStub(channel);
  raft::v1::JoinRequest request;
  request.set_protocol_version(kPeerProtocolVersion);
  *request.mutable_self() = ToClusterNode(options_.self);
  request.set_replaces(options_.replaces);
  raft::v1::JoinResponse response;
  grpc::Status status;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::microseconds(kJoinTimeoutUs));
  const auto ended = std::make_shared<Latch>(1);
  stub->async()->Join(&context, &request, &response,
                      [&status, ended](grpc::Status end) {
                        status = std::move(end);
                        ended->CountDown();
                      });
  while (!ended->WaitFor(kStopLookUs)) {
    if (options_.stops()) context.TryCancel();
  }
  if (!status.ok()) return FromCallStatus(status);
  return response;
}

absl::StatusOr<Identity> JoinAsker::TakeIn(
    const raft::v1::JoinResponse& joined) const {
  const NodeInfo& self = options_.self;
  const NodeInfo as_known = FromClusterNode(joined.self());
  if (!IsFormation(joined.formation()) || as_known.node.value() == 0 ||
      as_known.disk_id != self.disk_id ||
      (self.node.value() != 0 && as_known.node != self.node)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "join: the cluster took in node ", as_known.node.value(), " on disk ",
        absl::BytesToHexString(joined.self().disk_id()), ", and this is node ",
        self.node.value(), " on disk ",
        absl::BytesToHexString(BytesOf(self.disk_id))));
  }
  Identity identity = {.cluster_id = UuidOf(joined.formation().cluster_id()),
                       .node_id = as_known.node,
                       .disk_id = self.disk_id,
                       .formed = false};
  identity.incarnation = as_known.incarnation;
  for (const raft::v1::ClusterNode& node : joined.formation().nodes()) {
    identity.founders.push_back(FromClusterNode(node));
  }
  return identity;
}

}  // namespace kappa::server
