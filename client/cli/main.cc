// kappa: the command line of the log.
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cli/cluster/cluster_commands.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/number_options.h"
#include "client/cpp/allocator.h"

namespace {

// What the parser says, with the words it could not place.
std::string WrongUsageText(const CLI::App* app, const CLI::Error& error) {
  std::string text = "kappa: ";
  const std::vector<std::string> rest = app->remaining(/*recurse=*/true);
  if (!rest.empty() && error.get_name() == "RequiredError") {
    text += "no such command: " + rest.front() + "; ";
  }
  return text + error.what() + "\nRun with --help for more information.\n";
}

}  // namespace

int main(int argc, char** argv) {
  kappa::client::KeepFreedMemory();
  // What gRPC says of failed handshakes comes with the error as well.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // A closed pipe shows as an error of the write, and is none of the user's.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Kappa: append to and replay an immutable log"};
  app.name("kappa");
  app.require_subcommand(1);
  app.failure_message(WrongUsageText);
  kappa::cli::CommandContext context;
  kappa::cli::AddServerOptions(&app, &context);
  kappa::cli::AddTopicCommands(&app, &context);
  kappa::cli::AddAppendCommand(&app, &context);
  kappa::cli::AddReplayCommand(&app, &context);
  kappa::cli::AddOffsetsCommand(&app, &context);
  kappa::cli::AddProducerCommands(&app, &context);
  kappa::cli::AddScrubCommands(&app, &context);
  kappa::cli::AddClusterCommands(&app, &context);
  kappa::cli::AddLocalCommands(&app, &context);
  kappa::cli::AddBenchCommands(&app, &context);
  kappa::cli::AddCompletionCommand(&app, &context);
  kappa::cli::AddVersionCommand(&app, &context);
  kappa::cli::RefuseOddNumbers(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kappa::cli::kDone : kappa::cli::kWrongUsage;
  }
  return kappa::cli::Report(context.run());
}
