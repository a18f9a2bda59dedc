#include "tests/raft/scenarios/runner/command.h"

#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/expectation.h"

namespace kappa::raft {
namespace {

constexpr Command kExpect{"expect", RunExpectation};

const Command* FindIn(absl::Span<const Command> commands,
                      absl::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace

const Command* FindCommand(absl::string_view name) {
  if (name == kExpect.name) return &kExpect;
  for (absl::Span<const Command> commands :
       {MakingCommands(), InputCommands(), StorageCommands(), NetworkCommands(),
        PrintCommands()}) {
    if (const Command* found = FindIn(commands, name)) return found;
  }
  return nullptr;
}

}  // namespace kappa::raft
