// The commands `kappa local ...`.
#ifndef KAPPA_CLIENT_CLI_LOCAL_LOCAL_COMMANDS_H_
#define KAPPA_CLIENT_CLI_LOCAL_LOCAL_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "client/cli/command.h"

namespace kappa::cli {

// Each adds its command to `local`.
void AddLocalUp(CLI::App* local, CommandContext* context);
void AddLocalStatus(CLI::App* local, CommandContext* context);
void AddLocalKill(CLI::App* local, CommandContext* context);
void AddLocalPause(CLI::App* local, CommandContext* context);
void AddLocalResume(CLI::App* local, CommandContext* context);
void AddLocalRestart(CLI::App* local, CommandContext* context);
void AddLocalDown(CLI::App* local, CommandContext* context);

// Adds "--data-dir", which all of them need.
void AddDataDirOption(CLI::App* command, std::string* data_dir);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_LOCAL_COMMANDS_H_
