// ForwardCall: a unary call goes on at the node that leads.
#ifndef KAPPA_SERVER_RPC_CALL_FORWARD_H_
#define KAPPA_SERVER_RPC_CALL_FORWARD_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/wire/types.h"
#include "server/peer_network.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {

// How long a call that is passed on may take, whatever its own deadline.
inline constexpr int64_t kForwardTimeoutMaxUs = 30'000'000;

// The node that a refusal with NOT_LEADER says leads; nullopt: it is another
// error, or names none.
std::optional<NodeId> LeaderNamedBy(const absl::Status& refusal);

// Passes the call on to `leader`, which runs it as if the client had come to
// it. `done` gets what came of it there, response or error, as it is.
// Errors besides: OUTCOME_UNKNOWN: the answer of a method that changes
// something was lost; NOT_LEADER, definite: that of one that only reads was,
// or the node did not take the call.
// Requires: 0 < timeout_us <= kForwardTimeoutMaxUs.
void ForwardCall(PeerNetwork* peers, NodeId leader, const UnaryMethod& method,
                 const grpc::ByteBuffer& request, int64_t timeout_us,
                 UnaryMethod::Done done);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_CALL_FORWARD_H_
