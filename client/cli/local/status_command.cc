// kappa local status
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "client/cli/local/local_cluster.h"
#include "client/cli/local/local_commands.h"
#include "client/cli/local/local_report.h"

namespace kappa::cli {
namespace {

struct StatusOptions {
  std::string output;
  std::string data_dir;
};

absl::Status RunStatus(const StatusOptions& options) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(options.data_dir);
  if (!cluster.ok()) return cluster.status();
  cluster->Unlock();
  const std::vector<std::string> states = StatesOf(*cluster);
  Print(options.output == "json" ? JsonOf(*cluster, states).dump(2) + "\n"
                                 : TableOf(*cluster, states));
  return absl::OkStatus();
}

}  // namespace

void AddLocalStatus(CLI::App* local, CommandContext* context) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App* command =
      AddCommand(local, context, "status",
                 "Show the nodes: serving, starting, paused or stopped",
                 [options] { return RunStatus(*options); });
  AddDataDirOption(command, &options->data_dir);
  AddOutputOption(command, &options->output);
}

}  // namespace kappa::cli
