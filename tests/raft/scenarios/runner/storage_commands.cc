// Commands that move disks, and end and start processes.
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/replica_words.h"

namespace kappa::raft {
namespace {

// hold-disk R...
absl::Status HoldDisk(ScriptedCluster& cluster, WordReader& words) {
  const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.HoldDisk(replica);
  return status;
}

// free-disk R...
absl::Status FreeDisk(ScriptedCluster& cluster, WordReader& words) {
  const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.FreeDisk(replica);
  return status;
}

// sync R [xN]
absl::Status Sync(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const uint64_t times = TakeTimes(words);
  absl::Status status = words.Finish();
  for (uint64_t i = 0; status.ok() && i < times; ++i) {
    if (!cluster.Sync(replica)) {
      status = absl::FailedPreconditionError("no write waits");
    }
  }
  return status;
}

// The position (from 1) of a waiting completion, the oldest without one.
size_t TakeCompletion(const ScriptedCluster& cluster, ReplicaId replica,
                      WordReader& words) {
  const uint64_t position = words.TakeNumberOr(1);
  const ScriptedReplica* found = cluster.Find(replica);
  if (found != nullptr &&
      (position == 0 || position > found->completions.size())) {
    words.Fail(absl::StrCat("there is no completion ", position, ", ",
                            found->completions.size(), " wait"));
  }
  return position - 1;
}

// complete R [POSITION] [keep]
absl::Status Complete(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const size_t position = TakeCompletion(cluster, replica, words);
  const bool keep = words.TakeIf("keep");
  absl::Status status = words.Finish();
  if (status.ok()) cluster.Complete(replica, position, keep);
  return status;
}

// lose-completion R [POSITION]
absl::Status LoseCompletion(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const size_t position = TakeCompletion(cluster, replica, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  std::vector<PersistToken>& waiting = cluster.Find(replica)->completions;
  waiting.erase(waiting.begin() + static_cast<ptrdiff_t>(position));
  return status;
}

// fail-writes R
absl::Status FailWrites(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  absl::Status status = words.Finish();
  if (status.ok()) cluster.FailWrites(replica);
  return status;
}

// crash R... [synced=N|all]
absl::Status Crash(ScriptedCluster& cluster, WordReader& words) {
  const std::string synced = words.TakeOption("synced").value_or("0");
  const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
  const std::optional<uint64_t> first =
      synced == "all" ? std::numeric_limits<uint64_t>::max()
                      : ParseNumber(synced);
  if (!first) words.Fail(absl::StrCat("synced=", synced, " is no number"));
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.Crash(replica, *first);
  return status;
}

// restart R...
absl::Status Restart(ScriptedCluster& cluster, WordReader& words) {
  std::vector<ReplicaId> replicas{TakeKnown(cluster, words)};
  while (ParseReplica(words.Peek())) {
    replicas.push_back(TakeKnown(cluster, words));
  }
  for (ReplicaId replica : replicas) {
    const ScriptedReplica* found = cluster.Find(replica);
    if (found == nullptr || (!found->core && !found->destroyed)) continue;
    words.Fail(absl::StrCat(Format(replica), " is not down, or destroyed"));
  }
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.Restart(replica);
  return status;
}

// destroy R...
absl::Status Destroy(ScriptedCluster& cluster, WordReader& words) {
  std::vector<ReplicaId> replicas{TakeKnown(cluster, words)};
  while (ParseReplica(words.Peek())) {
    replicas.push_back(TakeKnown(cluster, words));
  }
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.Destroy(replica);
  return status;
}

constexpr Command kCommands[] = {{"hold-disk", HoldDisk},
                                 {"free-disk", FreeDisk},
                                 {"sync", Sync},
                                 {"complete", Complete},
                                 {"lose-completion", LoseCompletion},
                                 {"fail-writes", FailWrites},
                                 {"crash", Crash},
                                 {"restart", Restart},
                                 {"destroy", Destroy}};

}  // namespace

absl::Span<const Command> StorageCommands() { return kCommands; }

}  // namespace kappa::raft
