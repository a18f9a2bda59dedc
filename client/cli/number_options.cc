#include "client/cli/number_options.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

namespace kappa::cli {
namespace {

// Empty when `text` is fine, as CLI11 wants it.
std::string CheckUnsigned(std::string& text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  const bool whole = error == std::errc() && parsed == end;
  return whole ? "" : "\"" + text + "\" is not a whole number from 0";
}

std::string CheckFraction(std::string& text) {
  const bool plain =
      text.find_first_not_of("0123456789.eE+-") == std::string::npos;
  return plain ? "" : "\"" + text + "\" is not a number";
}

}  // namespace

void RefuseOddNumbers(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("UINT")) {
      option->check(CLI::Validator(CheckUnsigned, ""));
    } else if (type.starts_with("FLOAT")) {
      option->check(CLI::Validator(CheckFraction, ""));
    }
  }
  for (CLI::App* command : app->get_subcommands(nullptr)) {
    RefuseOddNumbers(command);
  }
}

}  // namespace kappa::cli
