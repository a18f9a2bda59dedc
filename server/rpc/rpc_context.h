// RpcContext: what every call of the network face needs; made once.
#ifndef KAPPA_SERVER_RPC_RPC_CONTEXT_H_
#define KAPPA_SERVER_RPC_RPC_CONTEXT_H_

#include "proto/wire/clock.h"
#include "server/node.h"
#include "server/peer_network.h"
#include "server/rpc/live_streams.h"
#include "server/rpc/replay_pace.h"
#include "server/rpc/rpc_stats.h"
#include "server/rpc/task_pool.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {

// Nothing is owned; everything outlives the calls.
struct RpcContext {
  Node* node = nullptr;
  const Clock* clock = nullptr;
  TaskPool* pool = nullptr;
  LiveStreams* streams = nullptr;
  RpcStats* stats = nullptr;
  ReplayPace* replay_pace = nullptr;
  // Null in a node alone.
  PeerNetwork* peers = nullptr;
  const UnaryMethods* methods = nullptr;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_RPC_CONTEXT_H_
