#include "server/rpc/grpc_status.h"

#include <string>

#include "absl/status/status.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

// Longest message sent; a trailer is bounded by the peer's metadata limit.
constexpr size_t kMessageBytesMax = 1024;

}  // namespace

v1::Status ToStatusMessage(const absl::Status& status) {
  const v1::ErrorInfo info = ErrorInfoOf(status);
  v1::ErrorReason reason = v1::ERROR_REASON_INTERNAL;
  v1::ErrorReason_Parse("ERROR_REASON_" + info.reason(), &reason);
  v1::Status message;
  message.set_code(static_cast<int>(CodeOf(reason)));
  message.set_message(
      std::string(status.message().substr(0, kMessageBytesMax)));
  google::protobuf::Any* detail = message.add_details();
  detail->set_type_url(std::string(kErrorInfoTypeUrl));
  info.SerializeToString(detail->mutable_value());
  return message;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::Status message = ToStatusMessage(status);
  return grpc::Status(static_cast<grpc::StatusCode>(message.code()),
                      message.message(), message.SerializeAsString());
}

}  // namespace kappa::server
