// LocalCluster: the nodes of one cluster on this machine, as `kappa local`
// keeps them in a directory:
//
//   D/local.json   what was asked for, and the process of each node
//   D/node-N/      data of node N, from 1 on
//   D/node-N.log   what it prints
//   D/tls/         certificates, see test_certificates.h
#ifndef KAPPA_CLIENT_CLI_LOCAL_LOCAL_CLUSTER_H_
#define KAPPA_CLIENT_CLI_LOCAL_LOCAL_CLUSTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/local/node_process.h"
#include "client/cpp/tls_options.h"

namespace kappa::cli {

// Node N serves clients on port base_port + N - 1, nodes on 100 more, and
// metrics on 200 more.
struct LocalSettings {
  uint32_t nodes = 3;  // 1 to 100
  uint16_t base_port = 7400;
  bool tls = false;
  std::string kappad = {};                  // path of the program
  std::vector<std::string> arguments = {};  // further ones of kappad
  friend bool operator==(const LocalSettings&, const LocalSettings&) = default;
};

// Until Unlock, other commands wait for the directory: hold it for reading and
// changing, not for waiting.
//
// Thread safety: thread-compatible.
class LocalCluster {
 public:
  static constexpr uint32_t kNodesMax = 100;
  static constexpr uint16_t kBasePortMax = 65535 - 300;

  // Errors: NOT_FOUND: there is none; a usage error: local.json cannot be
  // understood.
  static absl::StatusOr<LocalCluster> Open(const std::string& directory);
  // The same, but makes directory and cluster when there is none.
  static absl::StatusOr<LocalCluster> OpenOrMake(const std::string& directory,
                                                 const LocalSettings& settings);

  const LocalSettings& settings() const { return settings_; }
  LocalSettings& settings() { return settings_; }
  const NodeProcess& process(uint32_t node) const {
    return processes_[node - 1];
  }
  // Requires: `node` is one of the cluster's.
  void SetProcess(uint32_t node, const NodeProcess& process) {
    processes_[node - 1] = process;
  }
  // Errors: a usage error: there is no such node.
  absl::Status CheckNode(uint32_t node) const;
  // Writes local.json, in one step. Requires: not unlocked.
  // Errors: FAILED_PRECONDITION.
  absl::Status Save() const;
  // Lets other commands have the directory; this object stays as it is.
  void Unlock() { lock_.reset(); }

  const std::string& directory() const { return directory_; }  // absolute
  std::string DataDirOf(uint32_t node) const;
  std::string LogOf(uint32_t node) const;
  std::string TlsDir() const { return directory_ + "/tls"; }
  // HOST:PORT
  std::string ClientAddressOf(uint32_t node) const;
  std::string NodeAddressOf(uint32_t node) const;
  std::string MetricsAddressOf(uint32_t node) const;
  // The client addresses of all nodes, separated by commas.
  std::string Seeds() const;
  // How clients have to connect; nullopt: without TLS.
  std::optional<client::TlsOptions> ClientTls() const;
  // What a node is started with, the program first.
  std::vector<std::string> CommandOf(uint32_t node) const;

 private:
  LocalCluster(std::string directory, std::shared_ptr<const int> lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}

  static absl::StatusOr<LocalCluster> Lock(const std::string& directory);
  absl::Status Load();

  std::string directory_;
  std::shared_ptr<const int> lock_;
  LocalSettings settings_;
  std::vector<NodeProcess> processes_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_LOCAL_CLUSTER_H_
