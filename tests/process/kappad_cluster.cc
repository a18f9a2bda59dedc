#include "tests/process/kappad_cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/wire/check.h"

namespace kappa::tests {
namespace {

// Holds free ports of loopback until it goes.
class FreePorts {
 public:
  ~FreePorts() {
    for (const int socket : sockets_) close(socket);
  }

  std::string NextAddress() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    KAPPA_CHECK(socket >= 0, "socket");
    sockets_.push_back(socket);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    KAPPA_CHECK(bind(socket, generic, size) == 0, "bind");
    KAPPA_CHECK(getsockname(socket, generic, &size) == 0, "getsockname");
    return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }

 private:
  std::vector<int> sockets_;
};

// Settings for nodes that share a small machine and its file system.
std::string ConfigFile() {
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string path = absl::StrCat(folder == nullptr ? "/tmp" : folder,
                                        "/kappad_cluster_", getpid(), ".yaml");
  std::ofstream(path) << "memory: 128MiB\n"
                         "disk_low: 0\n"
                         "disk_critical: 0\n"
                         "disk_ballast: 0\n";
  return path;
}

}  // namespace

KappadCluster::KappadCluster(size_t nodes, std::vector<std::string> args) {
  FreePorts ports;
  std::vector<std::string> addresses;
  std::vector<std::string> peers;
  const std::string config = ConfigFile();
  for (size_t i = 0; i < nodes; ++i) {
    addresses.push_back(ports.NextAddress());
    peers.push_back(absl::StrCat(i + 1, "=", addresses.back()));
  }
  for (size_t i = 0; i < nodes; ++i) {
    KappadProcess::Options options;
    options.listen = ports.NextAddress();
    options.args = {"--node-id",     absl::StrCat(i + 1),
                    "--peers",       absl::StrJoin(peers, ","),
                    "--peer-listen", addresses[i],
                    "--config",      config};
    options.args.insert(options.args.end(), args.begin(), args.end());
    nodes_.push_back(std::make_unique<KappadProcess>(std::move(options)));
  }
}

absl::Status KappadCluster::Start() {
  for (const auto& node : nodes_) {
    if (absl::Status launched = node->Launch(); !launched.ok()) return launched;
  }
  for (const auto& node : nodes_) {
    if (absl::Status serves = node->AwaitServing(); !serves.ok()) return serves;
  }
  return absl::OkStatus();
}

std::string KappadCluster::Seeds() const {
  std::vector<std::string> seeds;
  for (const auto& node : nodes_) seeds.push_back(node->address());
  return absl::StrJoin(seeds, ",");
}

size_t KappadCluster::IndexOf(const std::string& address) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->address() == address) return i;
  }
  KAPPA_CHECK(false, "no node has that address");
  return 0;
}

}  // namespace kappa::tests
