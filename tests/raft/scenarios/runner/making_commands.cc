// Commands that make a group, its replicas' options and logs.
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/replica_words.h"

namespace kappa::raft {
namespace {

absl::Status SetOptions(ScriptedCluster& cluster,
                        std::optional<ReplicaId> replica, WordReader& words) {
  for (const std::string& assignment : words.TakeRest()) {
    absl::Status status = cluster.SetOption(replica, assignment);
    if (!status.ok()) return status;
  }
  return words.Finish();
}

// options [R] NAME=VALUE...
absl::Status Options(ScriptedCluster& cluster, WordReader& words) {
  std::optional<ReplicaId> replica;
  if (ParseReplica(words.Peek())) replica = words.TakeReplica();
  if (words.empty()) words.Fail("missing NAME=VALUE");
  return SetOptions(cluster, replica, words);
}

// cluster N|{CONFIGURATION} [NAME=VALUE...]
absl::Status MakeCluster(ScriptedCluster& cluster, WordReader& words) {
  if (cluster.created()) words.Fail("there is a cluster");
  Configuration configuration;
  if (absl::StartsWith(words.Peek(), "{")) {
    configuration = words.TakeConfiguration();
  } else {
    const uint64_t voters = words.TakeNumber("number of voters");
    for (uint64_t node = 1; node <= voters; ++node) {
      configuration.voters.push_back(ReplicaId{NodeId(node), Incarnation(1)});
    }
  }
  if (configuration.voters.empty()) words.Fail("a cluster has voters");
  absl::Status status = SetOptions(cluster, std::nullopt, words);
  if (status.ok()) cluster.Create(configuration);
  return status;
}

// join R...
absl::Status Join(ScriptedCluster& cluster, WordReader& words) {
  const std::vector<ReplicaId> replicas = words.TakeReplicas();
  for (ReplicaId replica : replicas) {
    if (cluster.Find(replica) != nullptr) {
      words.Fail(absl::StrCat(Format(replica), " exists"));
    }
  }
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : replicas) cluster.Join(replica);
  return status;
}

// log R... [ENTRIES] [term=T] [vote=R] [base=TERM/INDEX] [config={...}]
absl::Status SetLog(ScriptedCluster& cluster, WordReader& words) {
  const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
  if (!words.ok()) return words.Finish();
  LogImage image = cluster.Find(replicas.front())->disk.durable();
  image.entries.clear();
  if (const auto base = words.TakeOption("base")) {
    const std::optional<EntryId> id = ParseEntryId(*base);
    if (!id) words.Fail(absl::StrCat("base=", *base, " is no TERM/INDEX"));
    image.base.id = id.value_or(EntryId{});
  }
  if (const auto config = words.TakeOption("config")) {
    const auto configuration = ParseConfiguration(*config);
    if (!configuration) words.Fail("config= is no {...}");
    image.base.configuration = configuration.value_or(Configuration{});
  }
  const std::optional<std::string> vote = words.TakeOption("vote");
  const std::optional<std::string> term = words.TakeOption("term");
  const std::string text = words.Take("[ENTRIES]");
  const auto entries = ParseEntries(text, image.base.id, cluster.labels());
  if (!entries) words.Fail(absl::StrCat("\"", text, "\" is no [ENTRIES]"));
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (const EntryMeta& entry : *entries) image.entries[entry.id.index] = entry;
  image.hard_state.vote = vote ? ParseReplica(*vote) : std::nullopt;
  image.hard_state.term =
      term ? Term(ParseNumber(*term).value_or(0)) : image.last().term;
  if (image.hard_state.term < image.last().term) {
    return absl::InvalidArgumentError("the term is below the last entry's");
  }
  for (ReplicaId replica : replicas) cluster.SetLog(replica, image);
  return absl::OkStatus();
}

constexpr Command kCommands[] = {{"options", Options},
                                 {"cluster", MakeCluster},
                                 {"join", Join},
                                 {"log", SetLog}};

}  // namespace

absl::Span<const Command> MakingCommands() { return kCommands; }

}  // namespace kappa::raft
