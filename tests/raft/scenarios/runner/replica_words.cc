#include "tests/raft/scenarios/runner/replica_words.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {

ReplicaId TakeKnown(const ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = words.TakeReplica();
  if (cluster.Find(replica) == nullptr) {
    words.Fail(absl::StrCat("there is no replica ", Format(replica)));
  }
  return replica;
}

ReplicaId TakeLiving(const ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeKnown(cluster, words);
  const ScriptedReplica* found = cluster.Find(replica);
  if (found != nullptr && !found->core) {
    words.Fail(absl::StrCat(Format(replica), " is down"));
  }
  return replica;
}

std::vector<ReplicaId> TakeAllOrLiving(const ScriptedCluster& cluster,
                                       WordReader& words) {
  if (words.TakeIf("all")) return cluster.Living();
  std::vector<ReplicaId> replicas{TakeLiving(cluster, words)};
  while (ParseReplica(words.Peek())) {
    replicas.push_back(TakeLiving(cluster, words));
  }
  return replicas;
}

uint64_t TakeTimes(WordReader& words) {
  const absl::string_view word = words.Peek();
  if (word.size() < 2 || word.front() != 'x') return 1;
  const std::optional<uint64_t> times = ParseNumber(word.substr(1));
  if (!times) return 1;
  words.Take("xN");
  return *times;
}

ExpectedStatus ExpectedStatus::TakeFrom(WordReader& words) {
  ExpectedStatus expected;
  if (!words.TakeIf("fails")) return expected;
  expected.code_ = words.Take("status code");
  if (!words.empty()) expected.text_ = words.Take("text");
  return expected;
}

absl::Status ExpectedStatus::Check(const absl::Status& actual) const {
  const std::string code = absl::StatusCodeToString(actual.code());
  if (code == code_ && absl::StrContains(actual.message(), text_)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("expected: ", code_, text_.empty() ? "" : " with \"", text_,
                   text_.empty() ? "" : "\"", "\n  actual:   ", code, " ",
                   actual.message()));
}

}  // namespace kappa::raft
