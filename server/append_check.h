// What an append's producer part must look like, before anything is decided.
#ifndef KAPPA_SERVER_APPEND_CHECK_H_
#define KAPPA_SERVER_APPEND_CHECK_H_

#include "absl/status/status.h"
#include "kappa/v1/log_service.pb.h"

namespace kappa::server {

// Errors: MALFORMED_REQUEST, LIMIT_EXCEEDED (the state).
absl::Status CheckProducerSequence(const v1::ProducerSequence& producer);

// PRODUCER_UNKNOWN for a named producer whose id or epoch was never given out.
absl::Status NeverOpened(const v1::ProducerSequence& producer);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_APPEND_CHECK_H_
