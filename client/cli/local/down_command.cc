// kappa local down
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/local/local_cluster.h"
#include "client/cli/local/local_commands.h"
#include "client/cli/local/node_start.h"

namespace kappa::cli {
namespace {

absl::Status RunDown(const std::string& data_dir) {
  const absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(data_dir);
  if (!cluster.ok()) return cluster.status();
  std::vector<uint32_t> running;
  for (uint32_t node = 1; node <= cluster->settings().nodes; ++node) {
    if (cluster->process(node).state() != NodeProcess::State::kEnded) {
      running.push_back(node);
    }
  }
  const absl::Status ended = EndNodes(*cluster, running);
  if (!ended.ok()) return ended;
  Print(running.empty() ? "No node runs.\n"
                        : absl::StrCat("Ended ", running.size(),
                                       running.size() == 1 ? " node" : " nodes",
                                       "; the data stays in ",
                                       cluster->directory(), ".\n"));
  return absl::OkStatus();
}

}  // namespace

void AddLocalDown(CLI::App* local, CommandContext* context) {
  const auto data_dir = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      local, context, "down",
      "End all nodes: SIGTERM, and SIGKILL to what still runs after 10 s",
      [data_dir] { return RunDown(*data_dir); });
  AddDataDirOption(command, data_dir.get());
}

}  // namespace kappa::cli
