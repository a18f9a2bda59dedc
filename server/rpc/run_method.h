// RunMethod: a unary method on behalf of a client.
#ifndef KAPPA_SERVER_RPC_RUN_METHOD_H_
#define KAPPA_SERVER_RPC_RUN_METHOD_H_

#include <string_view>

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Runs the method `name` ("/kappa.v1.LogService/Append") here. A refusal that
// names the node that leads makes the call go on there, once, with what is left
// of its deadline; the answer from there is the client's (see ForwardCall). In
// a cluster no topic is denied, and no change of one acknowledged, before this
// node knows all that any node has acknowledged.
// Requires: rpc.methods has it; `rpc` outlives the call.
grpc::ServerUnaryReactor* RunMethod(const RpcContext& rpc,
                                    std::string_view name,
                                    grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_RUN_METHOD_H_
