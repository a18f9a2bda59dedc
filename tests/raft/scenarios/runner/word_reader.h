// WordReader: takes the words of one scenario line apart.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_WORD_READER_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_WORD_READER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"

namespace kappa::raft {

// Reads from the left. The first error is kept and everything after it returns
// empty values, so a command takes all its words and then asks Finish() once,
// before it changes anything.
class WordReader {
 public:
  explicit WordReader(const std::vector<std::string>& words)
      : words_(words.begin(), words.end()) {}

  bool empty() const { return words_.empty() || !status_.ok(); }
  bool ok() const { return status_.ok(); }
  // The next word, or "" at the end.
  absl::string_view Peek() const;

  // The next word; `what` names it in the error if there is none.
  std::string Take(absl::string_view what);
  // Takes the next word if it is `word`.
  bool TakeIf(absl::string_view word);
  uint64_t TakeNumber(absl::string_view what);
  // The next word if it is a number, otherwise `or_else`.
  uint64_t TakeNumberOr(uint64_t or_else);
  ReplicaId TakeReplica();
  // One or more replicas: as many words as are replicas.
  std::vector<ReplicaId> TakeReplicas();
  EntryId TakeEntryId();
  Configuration TakeConfiguration();
  // Takes "name=value" from any place; nullopt if there is none.
  std::optional<std::string> TakeOption(absl::string_view name);
  uint64_t TakeNumberOption(absl::string_view name, uint64_t or_else);
  // What is left.
  std::vector<std::string> TakeRest();

  void Fail(absl::string_view text);
  // The first error, or one that names a word which nothing has taken.
  absl::Status Finish();

 private:
  std::deque<std::string> words_;
  absl::Status status_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_WORD_READER_H_
