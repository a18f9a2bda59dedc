// kappa: the command line of the log.
#include <csignal>
#include <cstdlib>

#include "CLI/CLI.hpp"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"

int main(int argc, char** argv) {
  // A closed pipe shows as an error of the write, and is none of the user's.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Kappa: append to and replay an immutable log"};
  app.name("kappa");
  app.require_subcommand(1);
  kappa::cli::CommandContext context;
  app.add_option("--server", context.server, "HOST:PORT[,HOST:PORT...]")
      ->envname("KAPPA_SERVER")
      ->capture_default_str();
  kappa::cli::AddTopicCommands(&app, &context);
  kappa::cli::AddAppendCommand(&app, &context);
  kappa::cli::AddReplayCommand(&app, &context);
  kappa::cli::AddOffsetsCommand(&app, &context);
  kappa::cli::AddProducerCommands(&app, &context);
  kappa::cli::AddBenchCommands(&app, &context);
  kappa::cli::AddCompletionCommand(&app, &context);
  kappa::cli::AddVersionCommand(&app, &context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kappa::cli::kDone : kappa::cli::kWrongUsage;
  }
  return kappa::cli::Report(context.run());
}
