// Whether the ports of a node are free.
#ifndef KAPPA_CLIENT_CLI_LOCAL_FREE_PORTS_H_
#define KAPPA_CLIENT_CLI_LOCAL_FREE_PORTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "client/cli/local/local_cluster.h"

namespace kappa::cli {

// Errors: FAILED_PRECONDITION naming port and node: somebody else listens
// there, or nobody may.
absl::Status CheckPortsFree(const LocalCluster& cluster, uint32_t node);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_FREE_PORTS_H_
