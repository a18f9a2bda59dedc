#include "tests/raft/scenarios/runner/comparison.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kappa::raft {

void Comparison::Add(std::string name, std::string expected,
                     std::string actual) {
  rows_.push_back({std::move(name), std::move(expected), std::move(actual)});
}

absl::Status Comparison::Result() const {
  bool equal = true;
  int name_width = 0;
  int expected_width = 8;
  for (const Row& row : rows_) {
    equal &= row.expected == row.actual;
    name_width = std::max(name_width, static_cast<int>(row.name.size()));
    expected_width =
        std::max(expected_width, static_cast<int>(row.expected.size()));
  }
  if (equal) return absl::OkStatus();
  std::string text =
      absl::StrFormat("%s\n    %-*s  %-*s  %s\n", subject_, name_width, "",
                      expected_width, "expected", "actual");
  for (const Row& row : rows_) {
    absl::StrAppendFormat(&text, "  %s %-*s  %-*s  %s\n",
                          row.expected == row.actual ? " " : "*", name_width,
                          row.name, expected_width, row.expected, row.actual);
  }
  return absl::FailedPreconditionError(text);
}

}  // namespace kappa::raft
