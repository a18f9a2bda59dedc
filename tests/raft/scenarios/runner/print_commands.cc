// Commands that print to standard output, for the eyes only.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/fields.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {
namespace {

void PrintLine(const std::string& line) { std::printf("%s\n", line.c_str()); }

void PrintState(ScriptedCluster& cluster, const ScriptedReplica& replica) {
  PrintLine(absl::StrCat(Format(replica.id), ": ",
                         Join(StateFields(replica, cluster.labels()))));
}

void PrintLog(ScriptedCluster& cluster, const ScriptedReplica& replica) {
  const Fields fields = DiskFields(replica.disk.written(), cluster.labels());
  PrintLine(absl::StrCat(Format(replica.id), ": ", *FieldOf(fields, "log")));
}

void PrintProgress(ScriptedCluster&, const ScriptedReplica& replica) {
  if (!replica.core) return;
  for (const PeerStatus& peer : replica.core->peers()) {
    PrintLine(absl::StrCat(Format(replica.id), "->", Format(peer.id), ": ",
                           Join(ProgressFields(peer))));
  }
}

void PrintOutputs(ScriptedCluster&, const ScriptedReplica& replica) {
  for (const Event& event : replica.events) {
    PrintLine(absl::StrCat(Format(replica.id), ": ", event.text));
  }
}

void PrintDisk(ScriptedCluster& cluster, const ScriptedReplica& replica) {
  const Labels& labels = cluster.labels();
  PrintLine(absl::StrCat(Format(replica.id), ": durable ",
                         Join(DiskFields(replica.disk.durable(), labels))));
  for (const Persist& persist : replica.disk.queue()) {
    PrintLine(absl::StrCat("  waits: ", Join(WriteFields(persist, labels))));
  }
}

void PrintMessages(ScriptedCluster& cluster) {
  for (const Message* message : cluster.network().Find(MessageFilter())) {
    PrintLine(absl::StrCat(Format(message->from), "->", Format(message->to),
                           ": ",
                           Join(MessageFields(*message, cluster.labels()))));
  }
}

// print state|log|progress|messages|outputs|disk [R...]
absl::Status Print(ScriptedCluster& cluster, WordReader& words) {
  using Printer = void (*)(ScriptedCluster&, const ScriptedReplica&);
  static constexpr std::pair<absl::string_view, Printer> kPrinters[] = {
      {"state", PrintState},
      {"log", PrintLog},
      {"progress", PrintProgress},
      {"outputs", PrintOutputs},
      {"disk", PrintDisk}};
  const std::string what = words.Take("what to print");
  std::vector<ReplicaId> replicas = cluster.All();
  if (!words.empty()) replicas = words.TakeReplicas();
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  if (what == "messages") {
    PrintMessages(cluster);
    return status;
  }
  for (const auto& [name, print] : kPrinters) {
    if (name != what) continue;
    for (ReplicaId id : replicas) {
      if (cluster.Find(id) != nullptr) print(cluster, *cluster.Find(id));
    }
    return status;
  }
  return absl::InvalidArgumentError(absl::StrCat("cannot print ", what));
}

constexpr Command kCommands[] = {{"print", Print}};

}  // namespace

absl::Span<const Command> PrintCommands() { return kCommands; }

}  // namespace kappa::raft
