#include "server/peer/call_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "kappa/v1/error.pb.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {

grpc::Status ToCallStatus(const absl::Status& status) {
  if (status.GetPayload(ToAbsl(kErrorInfoTypeUrl)).has_value()) {
    return ToGrpcStatus(status);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

absl::Status FromCallStatus(const grpc::Status& status) {
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()),
                   status.error_message());
  v1::Status message;
  if (out.ok() || !message.ParseFromString(status.error_details())) return out;
  for (const google::protobuf::Any& detail : message.details()) {
    if (detail.type_url() == kErrorInfoTypeUrl) {
      out.SetPayload(ToAbsl(kErrorInfoTypeUrl), absl::Cord(detail.value()));
    }
  }
  return out;
}

}  // namespace kappa::server
