#include "server/not_leader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/errors.h"

namespace kappa::server {

absl::Status NotLeaderError(std::optional<NodeId> leader,
                            const NodeDirectory* nodes) {
  if (!leader.has_value()) {
    return MakeError(v1::ERROR_REASON_NOT_LEADER,
                     "this replica does not lead, and knows no leader",
                     {{"retry_after_ms", "50"}});
  }
  const std::string node = absl::StrCat(leader->value());
  const std::string message = absl::StrCat("node ", node, " leads");
  const std::string address =
      nodes == nullptr ? "" : nodes->ClientAddressOf(*leader);
  if (address.empty()) {
    return MakeError(v1::ERROR_REASON_NOT_LEADER, message,
                     {{"leader_node", node}});
  }
  return MakeError(v1::ERROR_REASON_NOT_LEADER, message,
                   {{"leader_node", node}, {"leader", address}});
}

}  // namespace kappa::server
