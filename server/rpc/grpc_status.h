// The API's errors as gRPC sends them.
#ifndef KAPPA_SERVER_RPC_GRPC_STATUS_H_
#define KAPPA_SERVER_RPC_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "server/status_message.h"

namespace kappa::server {

// What ends a call: code and message of ToStatusMessage, and the
// kappa.v1.Status as error details (trailer grpc-status-details-bin).
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_GRPC_STATUS_H_
