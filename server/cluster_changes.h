// What has changed between two looks at a cluster.
#ifndef KAPPA_SERVER_CLUSTER_CHANGES_H_
#define KAPPA_SERVER_CLUSTER_CHANGES_H_

#include <vector>

#include "kappa/v1/cluster_service.pb.h"
#include "server/cluster_status.h"

namespace kappa::server {

// Nodes, then leaders, then problems. `before` null: everything as it is now.
std::vector<v1::ClusterChange> ChangesSince(const ClusterObservation* before,
                                            const ClusterObservation& now);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CLUSTER_CHANGES_H_
