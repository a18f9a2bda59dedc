// Typed errors: what a Kappa server said, carried inside an absl::Status.
//
// Every status that this SDK returns keeps the server's code and message; the
// kappa.v1.ErrorInfo rides along as a payload, read by the functions here:
//
//   absl::Status status = admin.GetTopic("orders").status();
//   if (ReasonOf(status) == v1::ERROR_REASON_TOPIC_NOT_FOUND) { ... }
#ifndef KAPPA_CLIENT_CPP_ERROR_H_
#define KAPPA_CLIENT_CPP_ERROR_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "kappa/v1/error.pb.h"

namespace kappa::client {

// Why it failed; ERROR_REASON_UNSPECIFIED when no server said so (for example
// a broken connection, or a reason that this version does not know).
v1::ErrorReason ReasonOf(const absl::Status& status);

// The server's name of the reason, e.g. "TOPIC_NOT_FOUND"; empty without one.
// Differs from ReasonOf only for reasons newer than this SDK.
std::string ReasonNameOf(const absl::Status& status);

// A fact of the error, e.g. "end_offset"; nullopt when it is not there.
std::optional<std::string> MetadataOf(const absl::Status& status,
                                      std::string_view key);

// The same as a number; nullopt also when it is not one.
std::optional<uint64_t> NumberOf(const absl::Status& status,
                                 std::string_view key);

// True when the operation certainly did not happen. False for an error that no
// server answered (a broken connection, a deadline), and for reasons that say
// so (OUTCOME_UNKNOWN, DEADLINE_PASSED, INTERNAL).
bool IsDefinite(const absl::Status& status);

// True when the same request may succeed later or elsewhere. Whether repeating
// it is safe is another question: see IsDefinite.
bool IsRetriable(const absl::Status& status);

// True for a call that ended without an answer of the server: it broke, was
// ended by a server that stops or a proxy, or took too long.
bool IsLostConnection(const absl::Status& status);

// How long the server asks to wait before a retry; zero when it says nothing.
absl::Duration RetryAfter(const absl::Status& status);

// Translates the outcome of a gRPC call, details trailer included.
absl::Status StatusFromGrpc(const grpc::Status& status);

// Translates an error that came inside a message (AppendStreamResponse).
absl::Status StatusFromWire(const v1::Status& status);

// Makes a status as if a server had sent it: `code` with `reason`; `definite`
// is what IsDefinite returns.
absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason,
                       std::string_view message, bool definite);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_ERROR_H_
