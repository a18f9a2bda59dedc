#include "tests/checker/description.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/checker/event_json.h"

namespace kappa::checker {
namespace {

constexpr size_t kShownBytesMax = 60;

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace

std::string DescribeTime(const History& history, int64_t time_us) {
  if (time_us == kNever) return "never";
  return absl::StrFormat("%.6f s",
                         static_cast<double>(time_us - history.first_us) / 1e6);
}

std::string DescribeValue(const History& history, ValueId value) {
  const std::string& text = history.values[value];
  if (text.size() <= kShownBytesMax) return absl::StrCat("\"", text, "\"");
  return absl::StrCat("\"", text.substr(0, kShownBytesMax), "...\"");
}

std::string Describe(const History& history, const Operation& operation) {
  std::string text = absl::StrCat(NameOf(operation.kind), " op ", operation.op,
                                  " of process ", operation.process);
  if (operation.return_line == 0) {
    absl::StrAppend(&text, " (line ", operation.invoke_line, ", from ",
                    DescribeTime(history, operation.invoke_us));
  } else {
    absl::StrAppend(&text, " (lines ", operation.invoke_line, " and ",
                    operation.return_line, ", ",
                    DescribeTime(history, operation.invoke_us), " to ",
                    DescribeTime(history, operation.return_us));
  }
  if (!operation.node.empty()) {
    absl::StrAppend(&text, ", node ", operation.node);
  }
  absl::StrAppend(&text, ", ", NameOf(operation.outcome), ")");
  return text;
}

}  // namespace kappa::checker
