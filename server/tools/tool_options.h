// What the subcommands of kappad are asked for.
#ifndef KAPPA_SERVER_TOOLS_TOOL_OPTIONS_H_
#define KAPPA_SERVER_TOOLS_TOOL_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace kappa::server {

struct CheckOptions {
  std::string directory;
  bool json = false;
};

struct DumpOptions {
  std::string directory;
  std::string topic;
  uint32_t partition = 0;
  uint64_t from = 0;
  std::optional<uint64_t> to;  // exclusive; absent: the end
};

struct RecoverOptions {
  std::string directory;
  bool accept_loss = false;
};

using ToolOptions = std::variant<CheckOptions, DumpOptions, RecoverOptions>;

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_TOOL_OPTIONS_H_
