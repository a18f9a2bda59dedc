#include "client/cli/local/local_cluster.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/exit_code.h"
#include "client/cli/local/test_certificates.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint32_t kNodePortsFrom = 100;
constexpr uint32_t kMetricsPortsFrom = 200;

std::string Address(uint32_t port) { return absl::StrCat("127.0.0.1:", port); }

Json ToJson(const LocalSettings& settings,
            const std::vector<NodeProcess>& processes) {
  Json nodes = Json::array();
  for (size_t i = 0; i < processes.size(); ++i) {
    nodes.push_back({{"node", i + 1},
                     {"pid", processes[i].pid()},
                     {"start_ticks", processes[i].start_ticks()}});
  }
  return {{"version", 1},
          {"base_port", settings.base_port},
          {"tls", settings.tls},
          {"kappad", settings.kappad},
          {"arguments", settings.arguments},
          {"nodes", std::move(nodes)}};
}

// Throws what the library throws.
void FromJson(const Json& json, LocalSettings* settings,
              std::vector<NodeProcess>* processes) {
  settings->base_port = json.at("base_port").get<uint16_t>();
  settings->tls = json.at("tls").get<bool>();
  settings->kappad = json.at("kappad").get<std::string>();
  settings->arguments = json.at("arguments").get<std::vector<std::string>>();
  processes->clear();
  for (const Json& node : json.at("nodes")) {
    processes->emplace_back(node.at("pid").get<pid_t>(),
                            node.at("start_ticks").get<uint64_t>());
  }
  settings->nodes = static_cast<uint32_t>(processes->size());
}

absl::Status CannotUse(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

}  // namespace

absl::StatusOr<LocalCluster> LocalCluster::Lock(const std::string& directory) {
  std::error_code error;
  const std::string absolute =
      fs::absolute(directory, error).lexically_normal().string();
  if (error) return CannotUse(directory, error.message());
  const std::string path = absolute + "/local.lock";
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return CannotUse(path, std::strerror(errno));
  std::shared_ptr<const int> lock(new int(fd), [](const int* held) {
    close(*held);
    delete held;
  });
  while (flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return CannotUse(path, std::strerror(errno));
  }
  return LocalCluster(absolute, std::move(lock));
}

absl::StatusOr<LocalCluster> LocalCluster::Open(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(directory + "/local.json", error)) {
    return absl::NotFoundError(
        absl::StrCat("no cluster in ", directory, ": there is no ", directory,
                     "/local.json; \"kappa local up\" makes one"));
  }
  absl::StatusOr<LocalCluster> cluster = Lock(directory);
  if (!cluster.ok()) return cluster;
  const absl::Status loaded = cluster->Load();
  if (!loaded.ok()) return loaded;
  return cluster;
}

absl::StatusOr<LocalCluster> LocalCluster::OpenOrMake(
    const std::string& directory, const LocalSettings& settings) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return CannotUse(directory, error.message());
  absl::StatusOr<LocalCluster> cluster = Lock(directory);
  if (!cluster.ok()) return cluster;
  if (fs::exists(directory + "/local.json", error)) {
    const absl::Status loaded = cluster->Load();
    if (!loaded.ok()) return loaded;
    return cluster;
  }
  cluster->settings_ = settings;
  cluster->processes_.resize(settings.nodes);
  return cluster;
}

absl::Status LocalCluster::Load() {
  const std::string path = directory_ + "/local.json";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  try {
    FromJson(Json::parse(text.str()), &settings_, &processes_);
  } catch (const Json::exception& error) {
    return UsageError(absl::StrCat(path, ": ", error.what()));
  }
  if (settings_.nodes < 1 || settings_.nodes > kNodesMax) {
    return UsageError(absl::StrCat(path, ": names ", settings_.nodes,
                                   " nodes; there can be 1 to ", kNodesMax));
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::CheckNode(uint32_t node) const {
  if (node >= 1 && node <= settings_.nodes) return absl::OkStatus();
  return UsageError(absl::StrCat("no node ", node, ": the cluster in ",
                                 directory_, " has nodes 1 to ",
                                 settings_.nodes));
}

absl::Status LocalCluster::Save() const {
  const std::string path = directory_ + "/local.json";
  const std::string written = path + ".new";
  std::ofstream file(written, std::ios::trunc);
  file << ToJson(settings_, processes_).dump(2) << "\n";
  file.close();
  if (!file || std::rename(written.c_str(), path.c_str()) != 0) {
    return CannotUse(path, std::strerror(errno));
  }
  return absl::OkStatus();
}

std::string LocalCluster::DataDirOf(uint32_t node) const {
  return absl::StrCat(directory_, "/node-", node);
}

std::string LocalCluster::LogOf(uint32_t node) const {
  return absl::StrCat(directory_, "/node-", node, ".log");
}

std::string LocalCluster::ClientAddressOf(uint32_t node) const {
  return Address(settings_.base_port + node - 1);
}

std::string LocalCluster::NodeAddressOf(uint32_t node) const {
  return Address(settings_.base_port + kNodePortsFrom + node - 1);
}

std::string LocalCluster::MetricsAddressOf(uint32_t node) const {
  return Address(settings_.base_port + kMetricsPortsFrom + node - 1);
}

std::string LocalCluster::Seeds() const {
  std::vector<std::string> seeds;
  for (uint32_t node = 1; node <= settings_.nodes; ++node) {
    seeds.push_back(ClientAddressOf(node));
  }
  return absl::StrJoin(seeds, ",");
}

std::optional<client::TlsOptions> LocalCluster::ClientTls() const {
  if (!settings_.tls) return std::nullopt;
  const TestCertificates files(TlsDir());
  client::TlsOptions tls;
  tls.ca_file = files.Ca();
  tls.cert_file = files.ClientCert();
  tls.key_file = files.ClientKey();
  return tls;
}

std::vector<std::string> LocalCluster::CommandOf(uint32_t node) const {
  std::vector<std::string> words = {settings_.kappad,      "--data-dir",
                                    DataDirOf(node),       "--listen",
                                    ClientAddressOf(node), "--metrics-listen",
                                    MetricsAddressOf(node)};
  const auto add = [&words](std::vector<std::string> more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  const bool peers = settings_.nodes > 1;
  if (peers) {
    std::vector<std::string> all;
    for (uint32_t peer = 1; peer <= settings_.nodes; ++peer) {
      all.push_back(absl::StrCat(peer, "=", NodeAddressOf(peer)));
    }
    add({"--node-id", absl::StrCat(node), "--peer-listen", NodeAddressOf(node),
         "--peers", absl::StrJoin(all, ",")});
  }
  if (settings_.tls) {
    const TestCertificates files(TlsDir());
    add({"--tls-cert", files.ServerCert(node), "--tls-key",
         files.ServerKey(node), "--tls-client-ca", files.Ca()});
    if (peers) {
      add({"--node-tls-cert", files.NodeCert(node), "--node-tls-key",
           files.NodeKey(node), "--node-tls-ca", files.NodeCa()});
    }
  }
  // Last: of a flag that comes twice, kappad says so.
  add(settings_.arguments);
  return words;
}

}  // namespace kappa::cli
