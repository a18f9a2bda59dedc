#include "server/rpc/grpc_status.h"

namespace kappa::server {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::Status message = ToStatusMessage(status);
  return grpc::Status(static_cast<grpc::StatusCode>(message.code()),
                      message.message(), message.SerializeAsString());
}

}  // namespace kappa::server
