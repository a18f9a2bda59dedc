#include "server/rpc/run_method.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "server/rpc/call_forward.h"
#include "server/rpc/unary_call.h"

namespace kappa::server {
namespace {

using SystemTime = std::chrono::system_clock::time_point;

// What is left until `deadline`, at most kForwardTimeoutMaxUs.
int64_t TimeLeftUs(SystemTime deadline) {
  const SystemTime now = std::chrono::system_clock::now();
  const SystemTime latest =
      now + std::chrono::microseconds(kForwardTimeoutMaxUs);
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::min(deadline, latest) - now)
      .count();
}

}  // namespace

grpc::ServerUnaryReactor* RunMethod(const RpcContext& rpc,
                                    std::string_view name,
                                    grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) {
  const UnaryCall call(context, response, rpc.stats);
  const UnaryMethod* const method = rpc.methods->Find(name);
  KAPPA_CHECK(method != nullptr, "a method that was not added");
  const auto answer = [call](absl::StatusOr<grpc::ByteBuffer> result) {
    if (!result.ok()) return call.Refuse(result.status());
    call.Answer(*std::move(result));
  };
  // The request lives until the call is answered.
  method->run(*request, [answer, &pool = *rpc.pool, peers = rpc.peers, method,
                         request, deadline = context->deadline()](
                            absl::StatusOr<grpc::ByteBuffer> result) {
    std::optional<NodeId> leader;
    if (peers != nullptr && !result.ok()) {
      leader = LeaderNamedBy(result.status());
    }
    const int64_t left_us = leader.has_value() ? TimeLeftUs(deadline) : 0;
    if (left_us <= 0) return answer(std::move(result));
    // The request is copied, which is no work for the node's thread.
    pool.Post([answer, peers, leader = *leader, method, request, left_us] {
      ForwardCall(peers, leader, *method, *request, left_us, answer);
    });
  });
  return call.reactor();
}

}  // namespace kappa::server
