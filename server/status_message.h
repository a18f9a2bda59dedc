// The API's errors as messages.
#ifndef KAPPA_SERVER_STATUS_MESSAGE_H_
#define KAPPA_SERVER_STATUS_MESSAGE_H_

#include "absl/status/status.h"
#include "kappa/v1/error.pb.h"

namespace kappa::server {

// A status as kappa.v1.Status with one ErrorInfo. A status that carries no
// reason of the API is a bug of the server: INTERNAL, with its text.
v1::Status ToStatusMessage(const absl::Status& status);

// The status that ToStatusMessage made a message of; OK for code 0.
absl::Status FromStatusMessage(const v1::Status& message);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_STATUS_MESSAGE_H_
