#include "client/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/exit_code.h"

namespace kappa::cli {

absl::StatusOr<std::shared_ptr<client::Client>> CommandContext::Connect()
    const {
  absl::StatusOr<std::shared_ptr<client::Client>> client =
      client::Client::Connect({.seeds = server});
  if (client.status().code() == absl::StatusCode::kInvalidArgument) {
    return UsageError("--server: " + std::string(client.status().message()));
  }
  return client;
}

CLI::App* AddCommand(CLI::App* parent, CommandContext* context,
                     const std::string& name, const std::string& description,
                     std::function<absl::Status()> run) {
  CLI::App* command = parent->add_subcommand(name, description);
  command->fallthrough();  // --server may stand anywhere
  command->callback([context, run = std::move(run)] { context->run = run; });
  return command;
}

void AddOutputOption(CLI::App* command, std::string* output) {
  *output = "table";
  command->add_option("-o,--output", *output, "Form of the output")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

void Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0) {
    return;
  }
  if (errno == EPIPE) std::_Exit(kDone);
  std::perror("kappa: standard output");
  std::_Exit(kRefused);
}

}  // namespace kappa::cli
