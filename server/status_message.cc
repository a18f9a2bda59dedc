#include "server/status_message.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
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
  const bool known =
      v1::ErrorReason_Parse("ERROR_REASON_" + info.reason(), &reason);
  v1::Status message;
  // A reason of a newer version comes with its own code.
  message.set_code(static_cast<int>(known ? CodeOf(reason) : status.code()));
  message.set_message(
      std::string(status.message().substr(0, kMessageBytesMax)));
  google::protobuf::Any* detail = message.add_details();
  detail->set_type_url(std::string(kErrorInfoTypeUrl));
  info.SerializeToString(detail->mutable_value());
  return message;
}

absl::Status FromStatusMessage(const v1::Status& message) {
  absl::Status status(static_cast<absl::StatusCode>(message.code()),
                      ToAbsl(message.message()));
  for (const google::protobuf::Any& detail : message.details()) {
    if (detail.type_url() != kErrorInfoTypeUrl) continue;
    status.SetPayload(ToAbsl(kErrorInfoTypeUrl), absl::Cord(detail.value()));
  }
  return status;
}

}  // namespace kappa::server
