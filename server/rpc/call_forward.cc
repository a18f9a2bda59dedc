#include "server/rpc/call_forward.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {
namespace {

// Whether a node that answered so did not run the call. Nothing else is sure:
// gRPC ends calls that run with RESOURCE_EXHAUSTED when memory is short.
bool WasNotRun(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

absl::Status FailureOf(const absl::Status& failure, NodeId leader,
                       UnaryMethod::Effect effect) {
  const std::string node = absl::StrCat(leader.value());
  const std::string cause(ToStd(failure.message()));
  if (effect != UnaryMethod::Effect::kReads && !WasNotRun(failure)) {
    return MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                     absl::StrCat("passed on to node ", node,
                                  ", whose answer was lost: ", cause));
  }
  // Without its address: the client shall not try there next.
  return MakeError(
      v1::ERROR_REASON_NOT_LEADER,
      absl::StrCat("node ", node, " leads, and was not to be asked: ", cause),
      {{"leader_node", node}});
}

absl::StatusOr<grpc::ByteBuffer> AnswerOf(
    absl::StatusOr<raft::v1::ForwardResponse> result, NodeId leader,
    UnaryMethod::Effect effect) {
  if (!result.ok()) return FailureOf(result.status(), leader, effect);
  if (result->has_response()) {
    return ByteBufferOf(std::move(*result->mutable_response()));
  }
  absl::Status error = FromStatusMessage(result->error());
  if (!error.ok()) return error;
  return FailureOf(absl::InternalError("it has no result"), leader, effect);
}

}  // namespace

std::optional<NodeId> LeaderNamedBy(const absl::Status& refusal) {
  if (refusal.code() != absl::StatusCode::kUnavailable) return std::nullopt;
  const v1::ErrorInfo info = ErrorInfoOf(refusal);
  if (info.reason() != "NOT_LEADER") return std::nullopt;
  const auto found = info.metadata().find("leader_node");
  uint64_t node = 0;
  if (found == info.metadata().end() ||
      !absl::SimpleAtoi(found->second, &node) || node == 0) {
    return std::nullopt;
  }
  return NodeId(node);
}

void ForwardCall(PeerNetwork* peers, NodeId leader, const UnaryMethod& method,
                 const grpc::ByteBuffer& request, int64_t timeout_us,
                 UnaryMethod::Done done) {
  raft::v1::ForwardRequest forward;
  forward.set_method(method.name);
  forward.set_request(BytesOf(request));
  peers->Forward(leader, std::move(forward), timeout_us,
                 [leader, effect = method.effect, done = std::move(done)](
                     absl::StatusOr<raft::v1::ForwardResponse> result) mutable {
                   done(AnswerOf(std::move(result), leader, effect));
                 });
}

}  // namespace kappa::server
