#include "client/cli/cluster/cluster_commands.h"

namespace kappa::cli {

void AddClusterCommands(CLI::App* app, CommandContext* context) {
  CLI::App* cluster =
      app->add_subcommand("cluster", "Look at the nodes, and move leadership");
  cluster->require_subcommand(1);
  cluster->fallthrough();
  AddClusterDescribe(cluster, context);
  AddClusterHealth(cluster, context);
  AddClusterTransfer(cluster, context);
  AddClusterWatch(cluster, context);
}

}  // namespace kappa::cli
