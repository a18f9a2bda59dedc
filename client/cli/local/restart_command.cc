// kappa local restart
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/local/local_cluster.h"
#include "client/cli/local/local_commands.h"
#include "client/cli/local/node_start.h"

namespace kappa::cli {
namespace {

struct RestartOptions {
  std::string data_dir;
  uint32_t node = 0;
};

absl::Status RunRestart(const RestartOptions& options) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(options.data_dir);
  if (!cluster.ok()) return cluster.status();
  absl::Status status = cluster->CheckNode(options.node);
  if (status.ok()) status = EndNodes(*cluster, {options.node});
  if (!status.ok()) return status;
  const auto started = StartNodes(&*cluster, {options.node});
  if (!started.ok()) return started.status();
  cluster->Unlock();
  status =
      WaitUntilServing(*cluster, {options.node}, Serves::kAlone, kServeTimeout);
  if (!status.ok()) return status;
  Print(absl::StrCat("Node ", options.node, " runs again, process ",
                     cluster->process(options.node).pid(), ".\n"));
  return absl::OkStatus();
}

}  // namespace

void AddLocalRestart(CLI::App* local, CommandContext* context) {
  const auto options = std::make_shared<RestartOptions>();
  CLI::App* command = AddCommand(
      local, context, "restart",
      "End a node cleanly (SIGTERM; SIGKILL after 10 s) if it runs, start it, "
      "and wait until it serves",
      [options] { return RunRestart(*options); });
  command->add_option("node", options->node, "Its number, from 1")->required();
  AddDataDirOption(command, &options->data_dir);
}

}  // namespace kappa::cli
