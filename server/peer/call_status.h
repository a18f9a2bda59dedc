// How a unary call between nodes ends: the API's errors keep their facts.
#ifndef KAPPA_SERVER_PEER_CALL_STATUS_H_
#define KAPPA_SERVER_PEER_CALL_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace kappa::server {

// An error of the API (server/errors.h) as its clients get it, any other one
// with code and message alone.
grpc::Status ToCallStatus(const absl::Status& status);

// The reverse: ErrorInfoOf works on what it returns.
absl::Status FromCallStatus(const grpc::Status& status);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_CALL_STATUS_H_
