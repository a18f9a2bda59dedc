#include "tests/raft/scenarios/runner/word_reader.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {

absl::string_view WordReader::Peek() const {
  return empty() ? absl::string_view() : absl::string_view(words_.front());
}

std::string WordReader::Take(absl::string_view what) {
  if (!status_.ok()) return {};
  if (words_.empty()) {
    Fail(absl::StrCat("missing ", what));
    return {};
  }
  std::string word = std::move(words_.front());
  words_.pop_front();
  return word;
}

bool WordReader::TakeIf(absl::string_view word) {
  if (Peek() != word || empty()) return false;
  words_.pop_front();
  return true;
}

uint64_t WordReader::TakeNumber(absl::string_view what) {
  const std::string word = Take(what);
  const std::optional<uint64_t> number = ParseNumber(word);
  if (!number) Fail(absl::StrCat("\"", word, "\" is no ", what));
  return number.value_or(0);
}

uint64_t WordReader::TakeNumberOr(uint64_t or_else) {
  return ParseNumber(Peek()) ? TakeNumber("number") : or_else;
}

ReplicaId WordReader::TakeReplica() {
  const std::string word = Take("replica");
  const std::optional<ReplicaId> replica = ParseReplica(word);
  if (!replica) Fail(absl::StrCat("\"", word, "\" is no replica"));
  return replica.value_or(ReplicaId{});
}

std::vector<ReplicaId> WordReader::TakeReplicas() {
  std::vector<ReplicaId> replicas{TakeReplica()};
  while (ParseReplica(Peek())) replicas.push_back(TakeReplica());
  return replicas;
}

EntryId WordReader::TakeEntryId() {
  const std::string word = Take("TERM/INDEX");
  const std::optional<EntryId> id = ParseEntryId(word);
  if (!id) Fail(absl::StrCat("\"", word, "\" is no TERM/INDEX"));
  return id.value_or(EntryId{});
}

Configuration WordReader::TakeConfiguration() {
  const std::string word = Take("configuration");
  const std::optional<Configuration> configuration = ParseConfiguration(word);
  if (!configuration) Fail(absl::StrCat("\"", word, "\" is no {...}"));
  return configuration.value_or(Configuration{});
}

std::optional<std::string> WordReader::TakeOption(absl::string_view name) {
  if (!status_.ok()) return std::nullopt;
  const std::string prefix = absl::StrCat(name, "=");
  for (auto word = words_.begin(); word != words_.end(); ++word) {
    if (!absl::StartsWith(*word, prefix)) continue;
    std::string value = word->substr(prefix.size());
    words_.erase(word);
    return value;
  }
  return std::nullopt;
}

uint64_t WordReader::TakeNumberOption(absl::string_view name,
                                      uint64_t or_else) {
  const std::optional<std::string> value = TakeOption(name);
  if (!value) return or_else;
  const std::optional<uint64_t> number = ParseNumber(*value);
  if (!number) Fail(absl::StrCat(name, "=", *value, " is no number"));
  return number.value_or(0);
}

std::vector<std::string> WordReader::TakeRest() {
  if (!status_.ok()) return {};
  std::vector<std::string> rest(words_.begin(), words_.end());
  words_.clear();
  return rest;
}

void WordReader::Fail(absl::string_view text) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(text);
}

absl::Status WordReader::Finish() {
  if (status_.ok() && !words_.empty()) {
    Fail(absl::StrCat("\"", words_.front(), "\" is not understood here"));
  }
  return status_;
}

}  // namespace kappa::raft
