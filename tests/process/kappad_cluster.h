// KappadCluster: some kappad processes that form one cluster.
#ifndef KAPPA_TESTS_PROCESS_KAPPAD_CLUSTER_H_
#define KAPPA_TESTS_PROCESS_KAPPAD_CLUSTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/process/kappad_process.h"

namespace kappa::tests {

// Nodes 1 to N on loopback, each with a directory of its own. Their ports are
// chosen before the processes start, so another process may take one first.
//
// Thread safety: as KappadProcess.
class KappadCluster {
 public:
  // `args` are added to each node's.
  explicit KappadCluster(size_t nodes, std::vector<std::string> args = {});

  // Starts all nodes and waits until they serve, which is when the cluster has
  // formed. Errors: as KappadProcess::Start.
  absl::Status Start();

  size_t size() const { return nodes_.size(); }
  // Node `index` + 1.
  KappadProcess& node(size_t index) { return *nodes_[index]; }
  // Where clients reach all nodes: HOST:PORT,HOST:PORT...
  std::string Seeds() const;
  // Which node serves clients at `address`.
  size_t IndexOf(const std::string& address) const;

 private:
  std::vector<std::unique_ptr<KappadProcess>> nodes_;
};

}  // namespace kappa::tests

#endif  // KAPPA_TESTS_PROCESS_KAPPAD_CLUSTER_H_
