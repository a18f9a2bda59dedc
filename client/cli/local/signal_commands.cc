// kappa local kill|pause|resume: each one signal.
#include <signal.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/local/local_cluster.h"
#include "client/cli/local/local_commands.h"

namespace kappa::cli {
namespace {

// Until a killed process is gone.
constexpr absl::Duration kGoneTimeout = absl::Seconds(30);

struct SignalOptions {
  std::string data_dir;
  uint32_t node = 0;
  int signal = 0;
  std::string done;  // "killed"
};

absl::Status RunSignal(const SignalOptions& options) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(options.data_dir);
  if (!cluster.ok()) return cluster.status();
  const absl::Status known = cluster->CheckNode(options.node);
  if (!known.ok()) return known;
  const NodeProcess& process = cluster->process(options.node);
  const absl::Status sent = process.Signal(options.signal);
  if (absl::IsNotFound(sent)) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", options.node, " does not run"));
  }
  if (!sent.ok()) return sent;
  if (options.signal == SIGKILL && !process.WaitForEnd(kGoneTimeout)) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", options.node, " was killed and does not end"));
  }
  Print(absl::StrCat("Node ", options.node, " ", options.done, ".\n"));
  return absl::OkStatus();
}

void AddSignal(CLI::App* local, CommandContext* context, const char* name,
               const char* description, int signal, const char* done) {
  const auto options = std::make_shared<SignalOptions>();
  options->signal = signal;
  options->done = done;
  CLI::App* command = AddCommand(local, context, name, description,
                                 [options] { return RunSignal(*options); });
  command->add_option("node", options->node, "Its number, from 1")->required();
  AddDataDirOption(command, &options->data_dir);
}

}  // namespace

void AddLocalKill(CLI::App* local, CommandContext* context) {
  AddSignal(local, context, "kill", "End a node by SIGKILL, as a crash would",
            SIGKILL, "killed");
}

void AddLocalPause(CLI::App* local, CommandContext* context) {
  AddSignal(local, context, "pause",
            "Stop a node by SIGSTOP, as a machine that hangs", SIGSTOP,
            "paused");
}

void AddLocalResume(CLI::App* local, CommandContext* context) {
  AddSignal(local, context, "resume", "Let a paused node go on", SIGCONT,
            "goes on");
}

}  // namespace kappa::cli
