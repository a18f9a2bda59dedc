// Command: what every command of `kappa` shares.
#ifndef KAPPA_CLIENT_CLI_COMMAND_H_
#define KAPPA_CLIENT_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"

namespace kappa::cli {

// Filled by the parser; `run` is the command that was chosen.
//
// Thread safety: thread-compatible.
struct CommandContext {
  std::string server = "127.0.0.1:7400";
  std::function<absl::Status()> run;

  // Errors: UNAVAILABLE: no server answers; a usage error: malformed addresses.
  absl::StatusOr<std::shared_ptr<client::Client>> Connect() const;
};

// Each adds its commands to `app`; the parsed options live as long as `app`.
void AddTopicCommands(CLI::App* app, CommandContext* context);
void AddAppendCommand(CLI::App* app, CommandContext* context);
void AddReplayCommand(CLI::App* app, CommandContext* context);
void AddOffsetsCommand(CLI::App* app, CommandContext* context);
void AddProducerCommands(CLI::App* app, CommandContext* context);
void AddScrubCommands(CLI::App* app, CommandContext* context);
void AddBenchCommands(CLI::App* app, CommandContext* context);
void AddCompletionCommand(CLI::App* app, CommandContext* context);
void AddVersionCommand(CLI::App* app, CommandContext* context);

// A subcommand whose chosen run is `run`; `run` is called after all options of
// the line were read.
CLI::App* AddCommand(CLI::App* parent, CommandContext* context,
                     const std::string& name, const std::string& description,
                     std::function<absl::Status()> run);

// Adds "-o,--output" with the two usual forms.
void AddOutputOption(CLI::App* command, std::string* output);

// Writes to standard output; a closed pipe is no error, and ends the program
// quietly.
void Print(const std::string& text);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_COMMAND_H_
