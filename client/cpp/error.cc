#include "client/cpp/error.h"

#include <array>
#include <charconv>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"

namespace kappa::client {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr std::string_view kReasonPrefix = "ERROR_REASON_";
constexpr std::string_view kDomain = "kappa";

std::optional<v1::ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfoUrl);
  if (!payload.has_value()) return std::nullopt;
  v1::ErrorInfo info;
  if (!info.ParseFromString(std::string(*payload))) return std::nullopt;
  return info;
}

void Attach(const v1::ErrorInfo& info, absl::Status* status) {
  status->SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
}

absl::Status Translate(int code, std::string_view message,
                       const v1::Status* details) {
  // The numbers of grpc::StatusCode, google.rpc.Code and absl::StatusCode are
  // the same.
  absl::Status status(static_cast<absl::StatusCode>(code), ToAbsl(message));
  if (details == nullptr || status.ok()) return status;
  for (const google::protobuf::Any& detail : details->details()) {
    v1::ErrorInfo info;
    if (detail.type_url() == kErrorInfoUrl &&
        info.ParseFromString(detail.value()) && info.domain() == kDomain) {
      Attach(info, &status);
      break;
    }
  }
  return status;
}

// Without a word of the server: these codes come from the connection as well.
bool IsDefiniteCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return false;
    default:
      return true;
  }
}

}  // namespace

v1::ErrorReason ReasonOf(const absl::Status& status) {
  const std::string name = ReasonNameOf(status);
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  if (!name.empty()) {
    v1::ErrorReason_Parse(std::string(kReasonPrefix) + name, &reason);
  }
  return reason;
}

std::string ReasonNameOf(const absl::Status& status) {
  const std::optional<v1::ErrorInfo> info = ErrorInfoOf(status);
  return info.has_value() ? info->reason() : "";
}

std::optional<std::string> MetadataOf(const absl::Status& status,
                                      std::string_view key) {
  const std::optional<v1::ErrorInfo> info = ErrorInfoOf(status);
  if (!info.has_value()) return std::nullopt;
  const auto found = info->metadata().find(std::string(key));
  if (found == info->metadata().end()) return std::nullopt;
  return found->second;
}

std::optional<uint64_t> NumberOf(const absl::Status& status,
                                 std::string_view key) {
  const std::optional<std::string> text = MetadataOf(status, key);
  if (!text.has_value()) return std::nullopt;
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool IsDefinite(const absl::Status& status) {
  const std::optional<std::string> outcome = MetadataOf(status, "outcome");
  if (outcome == "definite") return true;
  if (outcome == "indefinite") return false;
  switch (ReasonOf(status)) {
    case v1::ERROR_REASON_UNSPECIFIED:
      return IsDefiniteCode(status.code());
    case v1::ERROR_REASON_OUTCOME_UNKNOWN:
    case v1::ERROR_REASON_DEADLINE_PASSED:
    case v1::ERROR_REASON_INTERNAL:
      return false;
    default:
      return true;
  }
}

bool IsRetriable(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case v1::ERROR_REASON_CHECKSUM_MISMATCH:
    case v1::ERROR_REASON_OVERLOADED:
    case v1::ERROR_REASON_DISK_FULL:
    case v1::ERROR_REASON_NOT_LEADER:
    case v1::ERROR_REASON_SHUTTING_DOWN:
    case v1::ERROR_REASON_OUTCOME_UNKNOWN:
      return true;
    case v1::ERROR_REASON_UNSPECIFIED:
      // gRPC reports some lost connections as UNKNOWN "Stream removed".
      return status.code() == absl::StatusCode::kUnavailable ||
             (status.code() == absl::StatusCode::kUnknown &&
              ToStd(status.message()).find("Stream removed") !=
                  std::string_view::npos);
    default:
      return false;
  }
}

bool IsLostConnection(const absl::Status& status) {
  return ReasonOf(status) == v1::ERROR_REASON_UNSPECIFIED &&
         (IsRetriable(status) ||
          status.code() == absl::StatusCode::kCancelled ||
          status.code() == absl::StatusCode::kDeadlineExceeded);
}

absl::Duration RetryAfter(const absl::Status& status) {
  const std::optional<uint64_t> ms = NumberOf(status, "retry_after_ms");
  // A day is more than any server means.
  constexpr uint64_t kMsMax = 86'400'000;
  if (!ms.has_value()) return absl::ZeroDuration();
  return absl::Milliseconds(*ms < kMsMax ? *ms : kMsMax);
}

absl::Status StatusFromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  v1::Status details;
  const bool detailed = !status.error_details().empty() &&
                        details.ParseFromString(status.error_details());
  return Translate(status.error_code(), status.error_message(),
                   detailed ? &details : nullptr);
}

absl::Status StatusFromWire(const v1::Status& status) {
  // An error that says OK is none of the errors we know.
  const int code = status.code() != 0 ? status.code() : grpc::UNKNOWN;
  return Translate(code, status.message(), &status);
}

absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason,
                       std::string_view message, bool definite) {
  absl::Status status(code, ToAbsl(message));
  v1::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason).substr(kReasonPrefix.size()));
  info.set_domain(std::string(kDomain));
  (*info.mutable_metadata())["outcome"] = definite ? "definite" : "indefinite";
  Attach(info, &status);
  return status;
}

}  // namespace kappa::client
