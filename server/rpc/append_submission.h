// From the bytes of an AppendRequest to the node, and from its result to the
// AppendResponse: what the unary and the streamed append share.
#ifndef KAPPA_SERVER_RPC_APPEND_SUBMISSION_H_
#define KAPPA_SERVER_RPC_APPEND_SUBMISSION_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "server/node.h"
#include "server/rpc/append_request_scan.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/rpc_stats.h"

namespace kappa::server {

// Checks the append and hands it to the node on this thread, so that appends
// submitted one after the other reach the partition in that order. `done` is
// called once, on this thread (a refusal) or on one of the node's. Refusals of
// its own are counted in `stats`. `partition` is what PartitionOf found.
void SubmitAppend(
    Node* node, const ScannedAppend& append,
    absl::StatusOr<FoundPartition> partition, RpcStats* stats,
    absl::AnyInvocable<void(absl::StatusOr<v1::AppendResponse>)> done);

// What the append is for.
inline absl::StatusOr<FoundPartition> PartitionOf(const Node& node,
                                                  const ScannedAppend& append) {
  return FindPartition(node, append.topic, append.topic_uuid, append.partition);
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_APPEND_SUBMISSION_H_
