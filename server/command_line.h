// The command line of kappad.
#ifndef KAPPA_SERVER_COMMAND_LINE_H_
#define KAPPA_SERVER_COMMAND_LINE_H_

#include <optional>
#include <string>

#include "server/config.h"
#include "server/tools/tool_options.h"

namespace kappa::server {

inline constexpr std::string_view kKappadVersion = "0.1.0";

// What to do: serve with `config`, run `tool`, or print `output` and leave with
// `exit_code`.
struct CommandLine {
  std::optional<ServerConfig> config;
  std::optional<ToolOptions> tool;
  std::string output;
  int exit_code = 0;  // 0 for --help and --version, 2 for wrong usage
};

// Reads a subcommand with its flags, or flags and, if one is named, the
// configuration file; flags win. With
// --listen HOST:0 and no --metrics-listen the metrics get a free port as well.
CommandLine ParseCommandLine(int argc, const char* const* argv);

// $XDG_DATA_HOME/kappa, or ~/.local/share/kappa; empty when neither variable is
// set.
std::string DefaultDataDir();

}  // namespace kappa::server

#endif  // KAPPA_SERVER_COMMAND_LINE_H_
