// Page tokens of ListTopics: where the next page begins, bound to its query.
#ifndef KAPPA_SERVER_RPC_PAGE_TOKEN_H_
#define KAPPA_SERVER_RPC_PAGE_TOKEN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kappa::server {

// The token for the page after the topic named `last`, of topics whose name
// begins with `prefix`. Printable ASCII.
std::string MakePageToken(std::string_view prefix, std::string_view last);

// The name that the page begins after.
// Errors: INVALID_ARGUMENT (INVALID_PAGE_TOKEN): damaged, or of another prefix.
absl::StatusOr<std::string> ParsePageToken(std::string_view prefix,
                                           std::string_view token);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_PAGE_TOKEN_H_
