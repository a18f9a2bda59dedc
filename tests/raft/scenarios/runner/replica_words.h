// Words that name replicas of a cluster, and what an input must return.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_REPLICA_WORDS_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_REPLICA_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"
#include "tests/raft/scenarios/runner/word_reader.h"

namespace kappa::raft {

// A replica that exists, dead or alive; another one is an error of the line.
ReplicaId TakeKnown(const ScriptedCluster& cluster, WordReader& words);
// One whose process lives.
ReplicaId TakeLiving(const ScriptedCluster& cluster, WordReader& words);
// "all" (every living one) or one or more living replicas.
std::vector<ReplicaId> TakeAllOrLiving(const ScriptedCluster& cluster,
                                       WordReader& words);
// "xN" from any place; 1 without it.
uint64_t TakeTimes(WordReader& words);

// The end of a line whose input returns a status: nothing, when it must
// succeed, or "fails CODE [TEXT]".
class ExpectedStatus {
 public:
  static ExpectedStatus TakeFrom(WordReader& words);
  // OK if `actual` is as expected.
  absl::Status Check(const absl::Status& actual) const;

 private:
  std::string code_ = "OK";
  std::string text_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_REPLICA_WORDS_H_
