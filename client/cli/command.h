// Command: what every command of `kappa` shares.
#ifndef KAPPA_CLIENT_CLI_COMMAND_H_
#define KAPPA_CLIENT_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <optional>
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
  std::optional<std::string> tls_ca;
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
  std::optional<std::string> tls_server_name;
  std::function<absl::Status()> run;

  // What the options say of TLS; nullopt: nothing.
  // Errors: a usage error: options that do not go together, files that cannot
  // be read or used.
  absl::StatusOr<std::optional<client::TlsOptions>> Tls() const;
  // Errors: UNAVAILABLE: no server answers, or not to us; a usage error:
  // malformed addresses, or as Tls.
  absl::StatusOr<std::shared_ptr<client::Client>> Connect() const;
};

// Adds --server and the options of TLS.
void AddServerOptions(CLI::App* app, CommandContext* context);

// Each adds its commands to `app`; the parsed options live as long as `app`.
void AddTopicCommands(CLI::App* app, CommandContext* context);
void AddAppendCommand(CLI::App* app, CommandContext* context);
void AddReplayCommand(CLI::App* app, CommandContext* context);
void AddOffsetsCommand(CLI::App* app, CommandContext* context);
void AddProducerCommands(CLI::App* app, CommandContext* context);
void AddScrubCommands(CLI::App* app, CommandContext* context);
void AddLocalCommands(CLI::App* app, CommandContext* context);
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
