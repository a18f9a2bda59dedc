#include "tests/raft/scenarios/runner/expectation.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/raft/scenarios/runner/comparison.h"
#include "tests/raft/scenarios/runner/fields.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/replica_words.h"

namespace kappa::raft {
namespace {

// The same text as fields print it: entries and configurations may be written
// in more than one way.
std::string Normalized(absl::string_view text, Labels& labels) {
  if (const auto configuration = ParseConfiguration(text)) {
    return Format(*configuration);
  }
  if (absl::StrContains(text, ":")) {
    if (const auto entries = ParseEntries(text, EntryId{}, labels)) {
      return Format(*entries, labels);
    }
  }
  return std::string(text);
}

// Compares words "name=value" with fields; the rest of the line.
absl::Status CompareFields(std::string subject, const Fields& fields,
                           const std::vector<std::string>& words,
                           Labels& labels) {
  Comparison comparison(std::move(subject));
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto actual = FieldOf(fields, name);
    if (equals == std::string::npos || !actual) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word, "\" is no field; there are ", Join(fields)));
    }
    comparison.Add(name, Normalized(word.substr(equals + 1), labels), *actual);
  }
  return comparison.Result();
}

// Takes the colon that ends the subject off the last of its words. The words
// of the subject and those after it.
struct Split {
  std::vector<std::string> subject;
  std::vector<std::string> rest;
};

Split SplitAtColon(WordReader& words) {
  Split split;
  bool after = false;
  for (std::string& word : words.TakeRest()) {
    if (after) {
      split.rest.push_back(std::move(word));
      continue;
    }
    after = absl::EndsWith(word, ":");
    if (after) word.pop_back();
    if (!word.empty()) split.subject.push_back(std::move(word));
  }
  if (!after) words.Fail("missing the colon after what is expected of");
  return split;
}

// R...: ROLE [NAME=VALUE...]
absl::Status ExpectState(ScriptedCluster& cluster, Split split) {
  WordReader subject(split.subject);
  std::vector<ReplicaId> replicas;
  do {
    replicas.push_back(TakeKnown(cluster, subject));
  } while (!subject.empty());
  absl::Status status = subject.Finish();
  if (!status.ok()) return status;
  if (split.rest.empty()) return absl::InvalidArgumentError("missing the role");
  if (!absl::StrContains(split.rest.front(), "=")) {
    split.rest.front() = absl::StrCat("role=", split.rest.front());
  }
  for (ReplicaId id : replicas) {
    status = CompareFields(absl::StrCat("state of ", Format(id)),
                           StateFields(*cluster.Find(id), cluster.labels()),
                           split.rest, cluster.labels());
    if (!status.ok()) return status;
  }
  return status;
}

// progress LEADER->PEER: STATE [NAME=VALUE...] | none
absl::Status ExpectProgress(ScriptedCluster& cluster, Split split) {
  const std::string way = absl::StrJoin(split.subject, " ");
  const size_t arrow = way.find("->");
  const auto leader = ParseReplica(way.substr(0, arrow));
  const auto peer = arrow == std::string::npos
                        ? std::nullopt
                        : ParseReplica(way.substr(arrow + 2));
  const ScriptedReplica* found = leader ? cluster.Find(*leader) : nullptr;
  if (!peer || found == nullptr || !found->core || split.rest.empty()) {
    return absl::InvalidArgumentError("progress LEADER->PEER: STATE ...");
  }
  Fields fields{{"state", "none"}};
  for (const PeerStatus& known : found->core->peers()) {
    if (known.id == *peer) fields = ProgressFields(known);
  }
  split.rest.front() = absl::StrCat("state=", split.rest.front());
  return CompareFields(absl::StrCat("progress of ", way), fields, split.rest,
                       cluster.labels());
}

// The one number after the colon.
absl::Status CompareCount(std::string subject, const Split& split,
                          size_t actual) {
  if (split.rest.size() != 1 || !ParseNumber(split.rest.front())) {
    return absl::InvalidArgumentError("expected one number after the colon");
  }
  Comparison comparison(std::move(subject));
  comparison.Add("count", split.rest.front(), absl::StrCat(actual));
  return comparison.Result();
}

// messages FILTER: N and sent FILTER: N
absl::Status ExpectCount(ScriptedCluster& cluster, const Split& split,
                         bool in_flight) {
  WordReader words(split.subject);
  const MessageFilter filter = MessageFilter::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  const size_t count = in_flight ? cluster.network().Find(filter).size()
                                 : cluster.network().CountSent(filter);
  return CompareCount(
      absl::StrCat(in_flight ? "in flight: " : "sent: ", filter.ToString()),
      split, count);
}

// message FILTER [only POSITION]: [NAME=VALUE...]
absl::Status ExpectMessage(ScriptedCluster& cluster, const Split& split) {
  WordReader words(split.subject);
  const MessageFilter filter = MessageFilter::TakeFrom(words);
  uint64_t position = 0;
  if (words.TakeIf("only")) position = words.TakeNumber("position");
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  const std::vector<const Message*> found = cluster.network().Find(filter);
  if (position > found.size() || (position == 0 && found.size() != 1)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "expected: ", position == 0 ? "one message " : "message ",
        filter.ToString(), "\n  actual:   ", found.size(), " in flight"));
  }
  const Message& message = *found[position == 0 ? 0 : position - 1];
  return CompareFields(absl::StrCat("message ", filter.ToString()),
                       MessageFields(message, cluster.labels()), split.rest,
                       cluster.labels());
}

// The replica that is the whole subject, or nullptr.
ScriptedReplica* SubjectReplica(ScriptedCluster& cluster, const Split& split) {
  if (split.subject.empty()) return nullptr;
  const auto id = ParseReplica(split.subject.front());
  return id ? cluster.Find(*id) : nullptr;
}

// writes R: N and write R POSITION: [NAME=VALUE...]
absl::Status ExpectWrite(ScriptedCluster& cluster, const Split& split) {
  const ScriptedReplica* replica = SubjectReplica(cluster, split);
  if (replica == nullptr || split.subject.size() > 2) {
    return absl::InvalidArgumentError("write(s) R [POSITION]: ...");
  }
  const std::string subject =
      absl::StrCat("writes of ", absl::StrJoin(split.subject, ", number "));
  const auto& queue = replica->disk.queue();
  if (split.subject.size() == 1) {
    return CompareCount(subject, split, queue.size());
  }
  const uint64_t position = ParseNumber(split.subject[1]).value_or(0);
  if (position == 0 || position > queue.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(queue.size(), " writes wait"));
  }
  return CompareFields(subject,
                       WriteFields(queue[position - 1], cluster.labels()),
                       split.rest, cluster.labels());
}

// disk R: [NAME=VALUE...]
absl::Status ExpectDisk(ScriptedCluster& cluster, const Split& split) {
  const ScriptedReplica* replica = SubjectReplica(cluster, split);
  if (replica == nullptr || split.subject.size() != 1) {
    return absl::InvalidArgumentError("disk R: ...");
  }
  return CompareFields(absl::StrCat("durable at ", Format(replica->id)),
                       DiskFields(replica->disk.durable(), cluster.labels()),
                       split.rest, cluster.labels());
}

// reads R: ..., transfers R: ..., commits R: ...: what the core told since the
// last time, in its order, or "none".
absl::Status ExpectEvents(ScriptedCluster& cluster, const Split& split,
                          Event::Kind kind, absl::string_view name) {
  ScriptedReplica* replica = SubjectReplica(cluster, split);
  if (replica == nullptr || split.subject.size() != 1 || split.rest.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " R: what was told, or none"));
  }
  std::vector<std::string> told;
  for (const Event& event : replica->events) {
    if (event.kind == kind) told.push_back(event.text);
  }
  std::erase_if(replica->events,
                [kind](const Event& event) { return event.kind == kind; });
  Comparison comparison(absl::StrCat(name, " of ", Format(replica->id)));
  comparison.Add("told", absl::StrJoin(split.rest, " "),
                 told.empty() ? "none" : absl::StrJoin(told, " "));
  return comparison.Result();
}

}  // namespace

absl::Status RunExpectation(ScriptedCluster& cluster, WordReader& words) {
  std::string kind(words.Peek());
  static constexpr absl::string_view kKinds[] = {
      "progress", "messages", "message",   "sent",  "writes",
      "write",    "disk",     "transfers", "reads", "commits"};
  const bool named =
      std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
  if (named) words.Take("kind");
  Split split = SplitAtColon(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  if (!named) return ExpectState(cluster, std::move(split));
  if (kind == "progress") return ExpectProgress(cluster, std::move(split));
  if (kind == "messages") return ExpectCount(cluster, split, true);
  if (kind == "sent") return ExpectCount(cluster, split, false);
  if (kind == "message") return ExpectMessage(cluster, split);
  if (kind == "writes" || kind == "write") return ExpectWrite(cluster, split);
  if (kind == "disk") return ExpectDisk(cluster, split);
  if (kind == "reads") {
    return ExpectEvents(cluster, split, Event::Kind::kRead, kind);
  }
  if (kind == "transfers") {
    return ExpectEvents(cluster, split, Event::Kind::kTransfer, kind);
  }
  return ExpectEvents(cluster, split, Event::Kind::kCommit, kind);
}

}  // namespace kappa::raft
