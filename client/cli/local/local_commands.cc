#include "client/cli/local/local_commands.h"

namespace kappa::cli {

void AddDataDirOption(CLI::App* command, std::string* data_dir) {
  command
      ->add_option("--data-dir", *data_dir,
                   "Directory of the cluster: data, logs, certificates")
      ->required();
}

void AddLocalCommands(CLI::App* app, CommandContext* context) {
  CLI::App* local = app->add_subcommand(
      "local", "Run a cluster on this machine, for trying out and for tests");
  local->require_subcommand(1);
  local->fallthrough();
  local->footer(
      "Examples:\n"
      "  kappa local up --nodes 3 --data-dir ~/kappa --base-port 7400\n"
      "  kappa local kill 2 --data-dir ~/kappa     # and see what happens\n"
      "  kappa local up --data-dir ~/kappa         # starts what does not run\n"
      "  kappa local down --data-dir ~/kappa       # the data stays");
  AddLocalUp(local, context);
  AddLocalStatus(local, context);
  AddLocalKill(local, context);
  AddLocalPause(local, context);
  AddLocalResume(local, context);
  AddLocalRestart(local, context);
  AddLocalDown(local, context);
}

}  // namespace kappa::cli
