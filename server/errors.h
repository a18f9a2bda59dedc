// Errors of the API: an absl::Status that carries a kappa.v1.ErrorInfo.
#ifndef KAPPA_SERVER_ERRORS_H_
#define KAPPA_SERVER_ERRORS_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "kappa/v1/error.pb.h"

namespace kappa::server {

// The gRPC/absl code that goes with a reason (documented in error.proto).
absl::StatusCode CodeOf(v1::ErrorReason reason);

// Facts for a program: ("limit", "key_bytes_max"), ("value", "70000"), ...
using ErrorFacts =
    std::initializer_list<std::pair<std::string_view, std::string>>;

// A status of the reason's code with `message` (names object and value) and an
// ErrorInfo under kErrorInfoTypeUrl with the facts and the outcome.
absl::Status MakeError(v1::ErrorReason reason, std::string_view message,
                       ErrorFacts facts = {});

// The ErrorInfo of a status made by MakeError; for any other error one with
// reason INTERNAL. Requires: !status.ok().
v1::ErrorInfo ErrorInfoOf(const absl::Status& status);

inline constexpr std::string_view kErrorInfoTypeUrl =
    "type.googleapis.com/google.rpc.ErrorInfo";

}  // namespace kappa::server

#endif  // KAPPA_SERVER_ERRORS_H_
