// kappa completion bash|zsh|fish, kappa version
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/completion.h"
#include "client/cli/exit_code.h"
#include "proto/wire/version.h"

namespace kappa::cli {

void AddCompletionCommand(CLI::App* app, CommandContext* context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(app, context, "completion",
                 "Print a completion script for a shell", [app, shell] {
                   const auto script = CompletionScript(*app, *shell);
                   if (!script.ok()) return script.status();
                   Print(*script);
                   return absl::OkStatus();
                 });
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

void AddVersionCommand(CLI::App* app, CommandContext* context) {
  AddCommand(app, context, "version", "Print the version", [] {
    Print(absl::StrCat("kappa ", kVersion, "\n"));
    return absl::OkStatus();
  });
}

}  // namespace kappa::cli
