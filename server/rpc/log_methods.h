// The unary methods of kappa.v1.LogService.
#ifndef KAPPA_SERVER_RPC_LOG_METHODS_H_
#define KAPPA_SERVER_RPC_LOG_METHODS_H_

#include "server/rpc/rpc_context.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {

// Adds them, over `context`, whose parts must outlive the methods.
void AddLogMethods(const RpcContext& context, UnaryMethods* methods);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_LOG_METHODS_H_
