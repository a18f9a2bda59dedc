// What a local cluster looks like, for people and programs.
#ifndef KAPPA_CLIENT_CLI_LOCAL_LOCAL_REPORT_H_
#define KAPPA_CLIENT_CLI_LOCAL_LOCAL_REPORT_H_

#include <string>
#include <vector>

#include "client/cli/local/local_cluster.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {

// One word for each node: "serving"; "starting": it runs and does not answer;
// "paused"; "stopped". Asks all nodes at the same time, for a second at most.
std::vector<std::string> StatesOf(const LocalCluster& cluster);

// Nodes with addresses and state, then how to use the cluster.
std::string TableOf(const LocalCluster& cluster,
                    const std::vector<std::string>& states);
nlohmann::ordered_json JsonOf(const LocalCluster& cluster,
                              const std::vector<std::string>& states);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_LOCAL_REPORT_H_
