#include "tests/raft/scenarios/runner/scenario.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {
namespace {

constexpr absl::string_view kNoConvergence = "no-convergence:";
constexpr absl::string_view kConvergeWithout = "converge-without ";
constexpr absl::string_view kExpectedBlock = "----";

// Cuts off a comment: a '#' at the start or after a space, outside quotes.
absl::string_view WithoutComment(absl::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (!quoted && line[i] == '#' && (i == 0 || line[i - 1] == ' ')) {
      return line.substr(0, i);
    }
  }
  return line;
}

class Reader {
 public:
  explicit Reader(std::string path) { scenario_.path = std::move(path); }

  absl::StatusOr<Scenario> Read(absl::string_view text) {
    if (!absl::StartsWith(text, "#") ||
        absl::StripAsciiWhitespace(text.substr(1, text.find('\n'))).empty()) {
      return Error(1, "the first line is a comment that names the rule");
    }
    int number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      absl::Status status = ReadLine(number, line);
      if (!status.ok()) return status;
    }
    if (!continued_.empty()) return Error(number, "a line ends in \\");
    if (scenario_.lines.empty()) return Error(number, "no command");
    return std::move(scenario_);
  }

 private:
  absl::Status Error(int number, absl::string_view text) const {
    return absl::InvalidArgumentError(
        absl::StrCat(scenario_.path, ":", number, ": ", text));
  }

  absl::Status ReadLine(int number, absl::string_view raw) {
    absl::string_view line = absl::StripAsciiWhitespace(WithoutComment(raw));
    if (continued_.empty()) first_number_ = number;
    const bool goes_on = absl::ConsumeSuffix(&line, "\\");
    absl::StrAppend(&continued_, line);
    if (goes_on) return absl::OkStatus();
    const std::string whole = std::exchange(continued_, {});
    if (whole.empty()) {
      // A comment does not end an expected block, an empty line does.
      if (absl::StripAsciiWhitespace(raw).empty()) expected_ = false;
      return absl::OkStatus();
    }
    if (whole == kExpectedBlock) {
      expected_ = true;
      return absl::OkStatus();
    }
    if (absl::StartsWith(whole, kNoConvergence)) {
      return ReadNoConvergence(whole);
    }
    if (absl::StartsWith(whole, kConvergeWithout)) {
      return ReadConvergeWithout(whole);
    }
    return ReadCommand(whole);
  }

  absl::Status ReadNoConvergence(absl::string_view line) {
    line.remove_prefix(kNoConvergence.size());
    scenario_.no_convergence = std::string(absl::StripAsciiWhitespace(line));
    if (scenario_.no_convergence.empty()) {
      return Error(first_number_, "no-convergence: without a reason");
    }
    return absl::OkStatus();
  }

  absl::Status ReadConvergeWithout(absl::string_view line) {
    line.remove_prefix(kConvergeWithout.size());
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos ||
        absl::StripAsciiWhitespace(line.substr(colon + 1)).empty()) {
      return Error(first_number_, "converge-without REPLICAS: REASON");
    }
    for (absl::string_view word :
         absl::StrSplit(line.substr(0, colon), ' ', absl::SkipEmpty())) {
      const std::optional<ReplicaId> replica = ParseReplica(word);
      if (!replica) {
        return Error(first_number_, absl::StrCat(word, " is no replica"));
      }
      scenario_.converge_without.push_back(*replica);
    }
    return absl::OkStatus();
  }

  absl::Status ReadCommand(const std::string& line) {
    std::optional<std::vector<std::string>> words = SplitWords(line);
    if (!words) {
      return Error(first_number_, "a quote, bracket or brace is not closed");
    }
    if (expected_) words->insert(words->begin(), "expect");
    scenario_.lines.push_back({first_number_, *std::move(words)});
    return absl::OkStatus();
  }

  Scenario scenario_;
  std::string continued_;
  int first_number_ = 0;
  bool expected_ = false;
};

}  // namespace

absl::StatusOr<Scenario> ParseScenario(std::string path,
                                       absl::string_view text) {
  return Reader(std::move(path)).Read(text);
}

}  // namespace kappa::raft
