// The unary methods of kappa.v1.ClusterService.
#ifndef KAPPA_SERVER_RPC_CLUSTER_METHODS_H_
#define KAPPA_SERVER_RPC_CLUSTER_METHODS_H_

#include "server/cluster_status.h"
#include "server/rpc/rpc_context.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {

// Adds them, over `context` and `status`, which must outlive the methods.
void AddClusterMethods(const RpcContext& context, ClusterStatus* status,
                       UnaryMethods* methods);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_CLUSTER_METHODS_H_
