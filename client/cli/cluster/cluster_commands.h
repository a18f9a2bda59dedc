// The commands `kappa cluster ...`.
#ifndef KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_COMMANDS_H_
#define KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/cli/command.h"

namespace kappa::cli {

// Adds all of them to `app`; the parsed options live as long as `app`.
void AddClusterCommands(CLI::App* app, CommandContext* context);

// Each adds its command to `cluster`.
void AddClusterDescribe(CLI::App* cluster, CommandContext* context);
void AddClusterHealth(CLI::App* cluster, CommandContext* context);
void AddClusterTransfer(CLI::App* cluster, CommandContext* context);
void AddClusterWatch(CLI::App* cluster, CommandContext* context);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_COMMANDS_H_
