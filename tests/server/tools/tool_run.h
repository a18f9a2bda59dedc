// Runs a subcommand of kappad to its end.
#ifndef KAPPA_TESTS_SERVER_TOOLS_TOOL_RUN_H_
#define KAPPA_TESTS_SERVER_TOOLS_TOOL_RUN_H_

#include <string>
#include <vector>

namespace kappa::tests {

struct ToolRun {
  int exit_code = -1;
  std::string out;  // standard output
  std::string err;  // standard error
};

// `kappad arguments...`.
ToolRun RunKappad(const std::vector<std::string>& arguments);
// The same with this file as standard output.
ToolRun RunKappadTo(int output, const std::vector<std::string>& arguments);

}  // namespace kappa::tests

#endif  // KAPPA_TESTS_SERVER_TOOLS_TOOL_RUN_H_
