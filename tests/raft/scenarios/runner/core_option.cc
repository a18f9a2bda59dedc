#include "tests/raft/scenarios/runner/core_option.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {
namespace {

using Field = std::variant<bool CoreOptions::*, uint8_t CoreOptions::*,
                           uint32_t CoreOptions::*, uint64_t CoreOptions::*,
                           GroupId CoreOptions::*>;

constexpr std::pair<absl::string_view, Field> kFields[] = {
    {"group", &CoreOptions::group},
    {"random_seed", &CoreOptions::random_seed},
    {"election_ticks", &CoreOptions::election_ticks},
    {"heartbeat_ticks", &CoreOptions::heartbeat_ticks},
    {"pre_vote", &CoreOptions::pre_vote},
    {"check_quorum", &CoreOptions::check_quorum},
    {"priority", &CoreOptions::priority},
    {"lease_ticks", &CoreOptions::lease_ticks},
    {"write_stall_ticks", &CoreOptions::write_stall_ticks},
    {"quiesce_ticks", &CoreOptions::quiesce_ticks},
    {"uncommitted_bytes_max", &CoreOptions::uncommitted_bytes_max},
    {"request_entries_max", &CoreOptions::request_entries_max},
    {"request_bytes_max", &CoreOptions::request_bytes_max},
    {"in_flight_entries_max", &CoreOptions::in_flight_entries_max},
    {"in_flight_bytes_max", &CoreOptions::in_flight_bytes_max},
    {"unknown_entry_bytes", &CoreOptions::unknown_entry_bytes},
    {"catch_up_entries", &CoreOptions::catch_up_entries},
    {"base_chunk_bytes", &CoreOptions::base_chunk_bytes},
};

template <typename Value>
bool Assign(Value& field, absl::string_view text) {
  if constexpr (std::is_same_v<Value, bool>) {
    const std::optional<bool> value = ParseSwitch(text);
    if (value) field = *value;
    return value.has_value();
  } else if constexpr (std::is_same_v<Value, GroupId>) {
    const std::optional<uint64_t> value = ParseNumber(text);
    if (value) field = GroupId(*value);
    return value.has_value();
  } else {
    const std::optional<uint64_t> value = ParseNumber(text);
    if (!value || *value > std::numeric_limits<Value>::max()) return false;
    field = static_cast<Value>(*value);
    return true;
  }
}

}  // namespace

absl::Status SetCoreOption(CoreOptions& options, absl::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", assignment, "\" is no NAME=VALUE"));
  }
  const absl::string_view name = assignment.substr(0, equals);
  const absl::string_view value = assignment.substr(equals + 1);
  for (const auto& [known, field] : kFields) {
    if (known != name) continue;
    const bool valid = std::visit(
        [&, &f = options](auto member) { return Assign(f.*member, value); },
        field);
    if (valid) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("\"", value, "\" is no value of option ", name));
  }
  return absl::InvalidArgumentError(absl::StrCat("no option \"", name, "\""));
}

}  // namespace kappa::raft
