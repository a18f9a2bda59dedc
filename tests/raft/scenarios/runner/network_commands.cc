// Commands that move messages and cut ways.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/convergence.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/replica_words.h"

namespace kappa::raft {
namespace {

// What a line picks from the network.
struct Pick {
  MessageFilter filter;
  std::vector<size_t> positions;  // from 0, ascending; empty: all that match
};

// FILTER [only POSITION...]: at least one message must match, and every
// position exist.
Pick TakePick(const ScriptedCluster& cluster, WordReader& words) {
  Pick pick{MessageFilter::TakeFrom(words), {}};
  const size_t found = cluster.network().Find(pick.filter).size();
  if (words.TakeIf("only")) {
    do {
      const uint64_t position = words.TakeNumber("position");
      if (position == 0 || position > found) {
        words.Fail(absl::StrCat("there is no message ", position, ", ", found,
                                " match"));
      }
      pick.positions.push_back(position - 1);
    } while (!words.empty());
  }
  if (words.empty() && found == 0) {
    words.Fail(
        absl::StrCat("no message ", pick.filter.ToString(), " is in flight"));
  }
  return pick;
}

// deliver FILTER [only POSITION...]
absl::Status Deliver(ScriptedCluster& cluster, WordReader& words) {
  const Pick pick = TakePick(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (const Message& message :
       cluster.network().Take(pick.filter, pick.positions)) {
    cluster.Deliver(message);
  }
  return status;
}

// drop FILTER [only POSITION...]
absl::Status Drop(ScriptedCluster& cluster, WordReader& words) {
  const Pick pick = TakePick(cluster, words);
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Take(pick.filter, pick.positions);
  return status;
}

// duplicate FILTER [only POSITION...]
absl::Status Duplicate(ScriptedCluster& cluster, WordReader& words) {
  const Pick pick = TakePick(cluster, words);
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Duplicate(pick.filter, pick.positions);
  return status;
}

// reorder FILTER POSITION...
absl::Status Reorder(ScriptedCluster& cluster, WordReader& words) {
  const MessageFilter filter = MessageFilter::TakeFrom(words);
  std::vector<size_t> order;
  while (!words.empty()) {
    const uint64_t position = words.TakeNumber("position");
    if (position == 0) words.Fail("positions count from 1");
    order.push_back(position - 1);
  }
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  if (cluster.network().Reorder(filter, order)) return status;
  return absl::InvalidArgumentError(absl::StrCat(
      "not an order of the ", cluster.network().Find(filter).size(),
      " messages ", filter.ToString()));
}

// hold FILTER
absl::Status Hold(ScriptedCluster& cluster, WordReader& words) {
  const MessageFilter filter = MessageFilter::TakeFrom(words);
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Hold(filter);
  return status;
}

// release FILTER|all
absl::Status Release(ScriptedCluster& cluster, WordReader& words) {
  const bool all = words.TakeIf("all");
  const MessageFilter filter = MessageFilter::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  if (all) {
    cluster.network().ReleaseAll();
  } else if (!cluster.network().Release(filter)) {
    return absl::InvalidArgumentError(
        absl::StrCat("nothing holds ", filter.ToString()));
  }
  return status;
}

// Takes "name=TERM/INDEX" into `id`, if it is there.
void TakeIdOption(WordReader& words, absl::string_view name, EntryId& id) {
  const std::optional<std::string> text = words.TakeOption(name);
  if (!text) return;
  const std::optional<EntryId> parsed = ParseEntryId(*text);
  if (!parsed) words.Fail(absl::StrCat(name, "=", *text, " is no TERM/INDEX"));
  id = parsed.value_or(EntryId{});
}

// inject FROM->TO TYPE term=T [previous=T/I] [entries=[...]] [commit=I]
//   [last=T/I] [granted=1] [match=I] [round=N] [beat=N] [transfer=1]
// Puts a message into flight that no replica sent just now.
absl::Status Inject(ScriptedCluster& cluster, WordReader& words) {
  Message message;
  const std::string way = words.Take("FROM->TO");
  const size_t arrow = way.find("->");
  const auto from = ParseReplica(way.substr(0, arrow));
  const auto to = arrow == std::string::npos
                      ? std::nullopt
                      : ParseReplica(way.substr(arrow + 2));
  if (!from || !to) words.Fail(absl::StrCat("\"", way, "\" is no FROM->TO"));
  const auto type = ParseMessageType(words.Take("type"));
  if (!type) words.Fail("no message type");
  message.term = Term(words.TakeNumberOption("term", 0));
  TakeIdOption(words, "previous", message.previous);
  TakeIdOption(words, "last", message.last);
  if (const auto text = words.TakeOption("entries")) {
    auto entries = ParseEntries(*text, message.previous, cluster.labels());
    if (!entries) words.Fail(absl::StrCat("\"", *text, "\" is no [ENTRIES]"));
    message.entries = std::move(entries).value_or(std::vector<EntryMeta>());
  }
  message.committed = LogIndex(words.TakeNumberOption("commit", 0));
  message.granted = words.TakeNumberOption("granted", 0) != 0;
  message.match = LogIndex(words.TakeNumberOption("match", 0));
  message.read_round = words.TakeNumberOption("round", 0);
  message.beat = words.TakeNumberOption("beat", 0);
  message.transfer = words.TakeNumberOption("transfer", 0) != 0;
  // A gap between the previous entry and the first, for one that is malformed.
  const uint64_t gap = words.TakeNumberOption("gap", 0);
  for (EntryMeta& entry : message.entries) {
    entry.id.index = entry.id.index + gap;
  }
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  message.type = *type;
  message.from = *from;
  message.to = *to;
  message.group = cluster.OptionsOf(*to).group;
  cluster.network().Send(std::move(message));
  return status;
}

// partition NODE... | NODE... [| NODE...]
absl::Status Partition(ScriptedCluster& cluster, WordReader& words) {
  std::vector<std::set<NodeId>> sides(1);
  while (!words.empty()) {
    if (words.TakeIf("|")) {
      sides.emplace_back();
    } else {
      sides.back().insert(NodeId(words.TakeNumber("node")));
    }
  }
  if (sides.size() < 2) words.Fail("a partition has two sides");
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (const std::set<NodeId>& from : sides) {
    for (const std::set<NodeId>& to : sides) {
      if (&from == &to) continue;
      for (NodeId a : from) {
        for (NodeId b : to) cluster.network().Cut(a, b);
      }
    }
  }
  return status;
}

// cut FROM->TO: one way only
absl::Status Cut(ScriptedCluster& cluster, WordReader& words) {
  const std::string way = words.Take("FROM->TO");
  const size_t arrow = way.find("->");
  const auto from = ParseNumber(way.substr(0, arrow));
  const auto to = arrow == std::string::npos
                      ? std::nullopt
                      : ParseNumber(way.substr(arrow + 2));
  if (!from || !to) words.Fail(absl::StrCat("\"", way, "\" is no FROM->TO"));
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Cut(NodeId(*from), NodeId(*to));
  return status;
}

// heal
absl::Status Heal(ScriptedCluster& cluster, WordReader& words) {
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Heal();
  return status;
}

// settle
absl::Status Settle(ScriptedCluster& cluster, WordReader& words) {
  absl::Status status = words.Finish();
  if (!status.ok() || cluster.Settle()) return status;
  return absl::ResourceExhaustedError("messages go round for ever");
}

// stabilize
absl::Status Stabilize(ScriptedCluster& cluster, WordReader& words) {
  absl::Status status = words.Finish();
  return status.ok() ? Converge(cluster, OutOfReach(cluster)) : status;
}

// mark
absl::Status Mark(ScriptedCluster& cluster, WordReader& words) {
  absl::Status status = words.Finish();
  if (status.ok()) cluster.network().Mark();
  return status;
}

constexpr Command kCommands[] = {{"deliver", Deliver},     {"drop", Drop},
                                 {"duplicate", Duplicate}, {"reorder", Reorder},
                                 {"hold", Hold},           {"release", Release},
                                 {"partition", Partition}, {"cut", Cut},
                                 {"heal", Heal},           {"settle", Settle},
                                 {"stabilize", Stabilize}, {"mark", Mark},
                                 {"inject", Inject}};

}  // namespace

absl::Span<const Command> NetworkCommands() { return kCommands; }

}  // namespace kappa::raft
