// How much memory the requests of unary calls may hold, per direction.
#ifndef KAPPA_SERVER_PEER_CALL_BUDGET_H_
#define KAPPA_SERVER_PEER_CALL_BUDGET_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/append_budget.h"
#include "server/errors.h"
#include "server/peer/peer_limits.h"

namespace kappa::server {

// Takes a call's share of `budget`: what it passes on, and what every call
// costs. Errors: INVALID_ARGUMENT: more than any request has;
// RESOURCE_EXHAUSTED: too much is under way (OVERLOADED): nothing happened.
inline absl::Status TakeCallBytes(size_t passed_on_bytes, AppendBudget* budget,
                                  AppendBudget::Permit* permit) {
  if (passed_on_bytes > kPeerForwardBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("call: the request has ", passed_on_bytes,
                     " bytes, more than ", kPeerForwardBytesMax));
  }
  *permit = budget->TryAcquire(passed_on_bytes + kPeerCallBytesMax);
  if (*permit) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_OVERLOADED,
                   ToStd(absl::StrCat("call between nodes: ", budget->used(),
                                      " bytes are under way, no room for ",
                                      passed_on_bytes)),
                   {{"retry_after_ms", "100"}});
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_CALL_BUDGET_H_
