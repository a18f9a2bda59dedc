#include "server/errors.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

constexpr std::string_view kDomain = "kappa";
constexpr std::string_view kPrefix = "ERROR_REASON_";

// Whether an append that failed so may have happened all the same.
bool IsIndefinite(v1::ErrorReason reason) {
  return reason == v1::ERROR_REASON_OUTCOME_UNKNOWN ||
         reason == v1::ERROR_REASON_DEADLINE_PASSED ||
         reason == v1::ERROR_REASON_INTERNAL;
}

v1::ErrorInfo InfoOf(v1::ErrorReason reason) {
  v1::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason).substr(kPrefix.size()));
  info.set_domain(std::string(kDomain));
  (*info.mutable_metadata())["outcome"] =
      IsIndefinite(reason) ? "indefinite" : "definite";
  return info;
}

}  // namespace

absl::StatusCode CodeOf(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_MALFORMED_REQUEST:
    case v1::ERROR_REASON_LIMIT_EXCEEDED:
    case v1::ERROR_REASON_CHECKSUM_MISMATCH:
    case v1::ERROR_REASON_RECORD_COUNT_MISMATCH:
    case v1::ERROR_REASON_COMPRESSION_REFUSED:
    case v1::ERROR_REASON_INVALID_NAME:
    case v1::ERROR_REASON_SEQUENCE_REUSED:
    case v1::ERROR_REASON_INVALID_PAGE_TOKEN:
      return absl::StatusCode::kInvalidArgument;
    case v1::ERROR_REASON_TOPIC_NOT_FOUND:
    case v1::ERROR_REASON_PARTITION_NOT_FOUND:
    case v1::ERROR_REASON_PRODUCER_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case v1::ERROR_REASON_TOPIC_UUID_MISMATCH:
    case v1::ERROR_REASON_DELETION_PROTECTED:
    case v1::ERROR_REASON_TOO_FEW_NODES:
    case v1::ERROR_REASON_KEY_MOVEMENT_NOT_ACCEPTED:
    case v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH:
    case v1::ERROR_REASON_PRODUCER_FENCED:
    case v1::ERROR_REASON_SEQUENCE_GAP:
    case v1::ERROR_REASON_PRODUCER_UNKNOWN:
    case v1::ERROR_REASON_TRANSFER_REFUSED:
      return absl::StatusCode::kFailedPrecondition;
    case v1::ERROR_REASON_TOPIC_EXISTS:
    case v1::ERROR_REASON_SEQUENCE_STORED:
      return absl::StatusCode::kAlreadyExists;
    case v1::ERROR_REASON_OFFSET_OUT_OF_RANGE:
      return absl::StatusCode::kOutOfRange;
    case v1::ERROR_REASON_OVERLOADED:
    case v1::ERROR_REASON_DISK_FULL:
      return absl::StatusCode::kResourceExhausted;
    case v1::ERROR_REASON_NOT_LEADER:
    case v1::ERROR_REASON_SHUTTING_DOWN:
    case v1::ERROR_REASON_OUTCOME_UNKNOWN:
      return absl::StatusCode::kUnavailable;
    case v1::ERROR_REASON_DATA_DAMAGED:
      return absl::StatusCode::kDataLoss;
    case v1::ERROR_REASON_DEADLINE_PASSED:
      return absl::StatusCode::kDeadlineExceeded;
    default:  // INTERNAL, and what protobuf adds
      return absl::StatusCode::kInternal;
  }
}

absl::Status MakeError(v1::ErrorReason reason, std::string_view message,
                       ErrorFacts facts) {
  v1::ErrorInfo info = InfoOf(reason);
  for (const auto& [name, value] : facts) {
    (*info.mutable_metadata())[std::string(name)] = value;
  }
  absl::Status status(CodeOf(reason), ToAbsl(message));
  status.SetPayload(ToAbsl(kErrorInfoTypeUrl),
                    absl::Cord(info.SerializeAsString()));
  return status;
}

v1::ErrorInfo ErrorInfoOf(const absl::Status& status) {
  const auto payload = status.GetPayload(ToAbsl(kErrorInfoTypeUrl));
  v1::ErrorInfo info;
  if (payload.has_value() && info.ParseFromString(std::string(*payload))) {
    return info;
  }
  return InfoOf(v1::ERROR_REASON_INTERNAL);
}

}  // namespace kappa::server
