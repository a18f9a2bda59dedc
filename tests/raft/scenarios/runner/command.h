// The commands of the scenario language, by subject.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMMAND_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMMAND_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"
#include "tests/raft/scenarios/runner/word_reader.h"

namespace kappa::raft {

// Does what one line says; `words` are what follows the name. An error says
// what is wrong with the line, or that it did not do what it must.
struct Command {
  absl::string_view name;
  absl::Status (*run)(ScriptedCluster& cluster, WordReader& words);
};

// Making a group, its replicas' options and logs.
absl::Span<const Command> MakingCommands();
// Inputs of cores: time, elections, proposals, reads, the operator.
absl::Span<const Command> InputCommands();
// Disks and processes.
absl::Span<const Command> StorageCommands();
// Messages and ways.
absl::Span<const Command> NetworkCommands();
// Printing, for the eyes only.
absl::Span<const Command> PrintCommands();

// The command of that name, or nullptr.
const Command* FindCommand(absl::string_view name);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMMAND_H_
