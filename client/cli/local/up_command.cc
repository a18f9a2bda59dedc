// kappa local up
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/local/local_cluster.h"
#include "client/cli/local/local_commands.h"
#include "client/cli/local/local_report.h"
#include "client/cli/local/node_start.h"

namespace kappa::cli {
namespace {

struct UpOptions {
  std::string output;
  std::string data_dir;
  std::optional<uint32_t> nodes;
  std::optional<uint16_t> base_port;
  std::string kappad;
  bool tls = false;
  std::vector<std::string> arguments;
};

std::vector<uint32_t> AllNodes(const LocalCluster& cluster) {
  std::vector<uint32_t> nodes(cluster.settings().nodes);
  std::iota(nodes.begin(), nodes.end(), 1);
  return nodes;
}

// What was asked for, on top of what the cluster was made with.
absl::Status Apply(const UpOptions& options, LocalCluster* cluster) {
  LocalSettings& settings = cluster->settings();
  if (options.nodes.value_or(settings.nodes) != settings.nodes ||
      options.base_port.value_or(settings.base_port) != settings.base_port ||
      (options.tls && !settings.tls)) {
    return UsageError(absl::StrCat(
        "the cluster in ", cluster->directory(), " has ", settings.nodes,
        settings.nodes == 1 ? " node" : " nodes", ", base port ",
        settings.base_port, settings.tls ? ", TLS" : ", no TLS",
        ": that cannot be changed"));
  }
  if (!options.kappad.empty()) settings.kappad = options.kappad;
  if (!options.arguments.empty()) settings.arguments = options.arguments;
  return absl::OkStatus();
}

absl::StatusOr<LocalCluster> OpenCluster(const UpOptions& options) {
  LocalSettings settings;
  settings.nodes = options.nodes.value_or(settings.nodes);
  settings.base_port = options.base_port.value_or(settings.base_port);
  settings.tls = options.tls;
  absl::StatusOr<LocalCluster> cluster =
      LocalCluster::OpenOrMake(options.data_dir, settings);
  if (!cluster.ok()) return cluster;
  const absl::Status applied = Apply(options, &*cluster);
  if (!applied.ok()) return applied;
  return cluster;
}

absl::Status RunUp(const UpOptions& options) {
  absl::StatusOr<LocalCluster> cluster = OpenCluster(options);
  if (!cluster.ok()) return cluster.status();
  const std::vector<uint32_t> all = AllNodes(*cluster);
  const absl::StatusOr<std::vector<uint32_t>> started =
      StartNodes(&*cluster, all);
  if (!started.ok()) return started.status();
  cluster->Unlock();
  const absl::Status serving =
      WaitUntilServing(*cluster, all, Serves::kInCluster, kServeTimeout);
  if (!serving.ok()) {
    (void)EndNodes(*cluster, *started);
    return serving;
  }
  const std::vector<std::string> states = StatesOf(*cluster);
  Print(options.output == "json" ? JsonOf(*cluster, states).dump(2) + "\n"
                                 : TableOf(*cluster, states));
  return absl::OkStatus();
}

}  // namespace

void AddLocalUp(CLI::App* local, CommandContext* context) {
  const auto options = std::make_shared<UpOptions>();
  CLI::App* command = AddCommand(
      local, context, "up",
      "Make a cluster, or start those of its nodes that do not run; returns "
      "when it serves",
      [options] { return RunUp(*options); });
  AddDataDirOption(command, &options->data_dir);
  command
      ->add_option("--nodes", options->nodes,
                   "Nodes of a new cluster (default: 3)")
      ->check(CLI::Range(uint32_t{1}, LocalCluster::kNodesMax));
  command
      ->add_option("--base-port", options->base_port,
                   "Node N serves clients on this port + N - 1, nodes on 100 "
                   "more, metrics on 200 more (default: 7400)")
      ->check(CLI::Range(1, int{LocalCluster::kBasePortMax}));
  command->add_option("--kappad", options->kappad,
                      "Program to start (default: $KAPPAD, or beside kappa, or "
                      "in PATH)");
  command->add_flag("--tls", options->tls,
                    "Make certificates and serve TLS only, for clients with a "
                    "certificate");
  command->add_option("settings", options->arguments,
                      "After --: further arguments of kappad, for each node");
  AddOutputOption(command, &options->output);
  command->footer(
      "Examples:\n"
      "  kappa local up --data-dir d\n"
      "  kappa local up --data-dir d --nodes 5 --base-port 9000 --tls\n"
      "  kappa local up --data-dir d -- --log-level debug");
}

}  // namespace kappa::cli
