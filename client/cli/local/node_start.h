// Starting nodes of a local cluster, and waiting until they serve.
#ifndef KAPPA_CLIENT_CLI_LOCAL_NODE_START_H_
#define KAPPA_CLIENT_CLI_LOCAL_NODE_START_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/local/local_cluster.h"

namespace kappa::cli {

// What a clean end may take before SIGKILL.
inline constexpr absl::Duration kEndGrace = absl::Seconds(10);
inline constexpr absl::Duration kServeTimeout = absl::Seconds(60);

// Starts those of `nodes` that do not run, lets paused ones go on, and writes
// local.json. Returns the nodes that it started.
// Errors: those of FindKappad, TestCertificates, CheckPortsFree and
// NodeProcess::Start; what it started has ended then.
absl::StatusOr<std::vector<uint32_t>> StartNodes(
    LocalCluster* cluster, const std::vector<uint32_t>& nodes);

// What a node has to say before it counts as serving.
enum class Serves {
  kAlone,      // it answers
  kInCluster,  // and knows who leads the metadata group
};

// Returns when each of `nodes` serves clients.
// Errors: FAILED_PRECONDITION: one ended, or does not within `timeout`, with
// the end of its log; those of NodeProbe::Make.
absl::Status WaitUntilServing(const LocalCluster& cluster,
                              const std::vector<uint32_t>& nodes, Serves serves,
                              absl::Duration timeout);

// Ends `nodes`, all at the same time. Errors: the first of NodeProcess::End.
absl::Status EndNodes(const LocalCluster& cluster,
                      const std::vector<uint32_t>& nodes);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_NODE_START_H_
