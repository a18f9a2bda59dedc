#include "tests/raft/scenarios/runner/notation.h"

#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace kappa::raft {
namespace {

template <typename Value>
struct Name {
  absl::string_view name;
  Value value;
};

constexpr std::array<Name<MessageType>, 16> kMessageTypes = {{
    {"pre-vote", MessageType::kPreVoteRequest},
    {"pre-vote-response", MessageType::kPreVoteResponse},
    {"vote", MessageType::kVoteRequest},
    {"vote-response", MessageType::kVoteResponse},
    {"append", MessageType::kAppendRequest},
    {"append-response", MessageType::kAppendResponse},
    {"read", MessageType::kReadRequest},
    {"read-response", MessageType::kReadResponse},
    {"timeout-now", MessageType::kTimeoutNow},
    {"base", MessageType::kBaseRequest},
    {"base-response", MessageType::kBaseResponse},
    {"fetch", MessageType::kFetchRequest},
    {"fetch-response", MessageType::kFetchResponse},
    {"repair", MessageType::kRepairRequest},
    {"repair-response", MessageType::kRepairResponse},
    {"leader-query", MessageType::kLeaderQuery},
}};

constexpr std::array<Name<Role>, 5> kRoles = {{
    {"learner", Role::kLearner},
    {"follower", Role::kFollower},
    {"pre-candidate", Role::kPreCandidate},
    {"candidate", Role::kCandidate},
    {"leader", Role::kLeader},
}};

constexpr std::array<Name<PeerState>, 4> kPeerStates = {{
    {"probe", PeerState::kProbe},
    {"replicate", PeerState::kReplicate},
    {"catch-up", PeerState::kCatchUp},
    {"base", PeerState::kBase},
}};

constexpr std::array<Name<Holding>, 3> kHoldings = {{
    {"unknown", Holding::kUnknown},
    {"holds", Holding::kHolds},
    {"lacks", Holding::kLacks},
}};

constexpr std::array<Name<TransferResult>, 3> kTransferResults = {{
    {"done", TransferResult::kDone},
    {"timed-out", TransferResult::kTimedOut},
    {"aborted", TransferResult::kAborted},
}};

constexpr std::array<Name<DiskHealth>, 4> kDiskHealths = {{
    {"healthy", DiskHealth::kHealthy},
    {"stalled", DiskHealth::kStalled},
    {"slow", DiskHealth::kSlow},
    {"full", DiskHealth::kFull},
}};

template <typename Value, size_t n>
std::optional<Value> Find(const std::array<Name<Value>, n>& names,
                          absl::string_view text) {
  for (const Name<Value>& name : names) {
    if (name.name == text) return name.value;
  }
  return std::nullopt;
}

template <typename Value, size_t n>
absl::string_view NameIn(const std::array<Name<Value>, n>& names, Value value) {
  for (const Name<Value>& name : names) {
    if (name.value == value) return name.name;
  }
  return "?";
}

// What stands between `open` and `close`, or nullopt.
std::optional<absl::string_view> Inside(absl::string_view text, char open,
                                        char close) {
  if (text.size() < 2 || text.front() != open || text.back() != close) {
    return std::nullopt;
  }
  return absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
}

std::string Join(const std::vector<ReplicaId>& replicas) {
  return absl::StrJoin(replicas, " ", [](std::string* out, ReplicaId replica) {
    absl::StrAppend(out, Format(replica));
  });
}

// "x*3" is ("x", 3); "x" is ("x", 1).
std::pair<absl::string_view, uint64_t> SplitRepeat(absl::string_view word) {
  const size_t star = word.rfind('*');
  if (star == absl::string_view::npos) return {word, 1};
  const std::optional<uint64_t> count = ParseNumber(word.substr(star + 1));
  if (!count) return {word, 1};
  return {word.substr(0, star), *count};
}

bool IsLabel(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' &&
        c != '_') {
      return false;
    }
  }
  return true;
}

constexpr uint64_t kLabelBytes = 10;

}  // namespace

EntryHandle Labels::HandleOf(absl::string_view label) {
  auto known = handles_.find(label);
  if (known != handles_.end()) return known->second;
  names_.emplace_back(label);
  const EntryHandle handle{names_.size()};
  handles_.emplace(label, handle);
  return handle;
}

std::string Labels::NameOf(EntryHandle handle) const {
  const auto position = static_cast<uint64_t>(handle);
  if (position == 0 || position > names_.size()) return "?";
  return names_[position - 1];
}

std::optional<uint64_t> ParseNumber(absl::string_view text) {
  uint64_t number = 0;
  if (text.empty() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    return std::nullopt;
  }
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

std::optional<bool> ParseSwitch(absl::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  return std::nullopt;
}

std::optional<ReplicaId> ParseReplica(absl::string_view text) {
  const size_t dot = text.find('.');
  const std::optional<uint64_t> node = ParseNumber(text.substr(0, dot));
  const std::optional<uint64_t> incarnation =
      dot == absl::string_view::npos ? 1 : ParseNumber(text.substr(dot + 1));
  if (!node || !incarnation || *node == 0 || *incarnation == 0) {
    return std::nullopt;
  }
  return ReplicaId{NodeId(*node), Incarnation(*incarnation)};
}

std::string Format(ReplicaId replica) {
  if (replica.incarnation == Incarnation(1)) {
    return absl::StrCat(replica.node.value());
  }
  return absl::StrCat(replica.node.value(), ".", replica.incarnation.value());
}

std::optional<EntryId> ParseEntryId(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> term = ParseNumber(text.substr(0, slash));
  const std::optional<uint64_t> index = ParseNumber(text.substr(slash + 1));
  if (!term || !index) return std::nullopt;
  return EntryId{Term(*term), LogIndex(*index)};
}

std::string Format(EntryId id) {
  return absl::StrCat(id.term.value(), "/", id.index.value());
}

std::optional<Configuration> ParseConfiguration(absl::string_view text) {
  const std::optional<absl::string_view> inside = Inside(text, '{', '}');
  if (!inside) return std::nullopt;
  const auto words = SplitWords(*inside);
  if (!words) return std::nullopt;
  Configuration configuration;
  std::vector<ReplicaId>* list = &configuration.voters;
  for (const std::string& word : *words) {
    if (word == "&") {
      list = &configuration.outgoing_voters;
    } else if (word == "learners") {
      list = &configuration.learners;
    } else if (word == "promoting") {
      list = &configuration.promoting;
    } else if (word == "next") {
      list = &configuration.learners_next;
    } else if (word == "auto") {
      configuration.auto_leave = true;
    } else if (const auto replica = ParseReplica(word)) {
      list->push_back(*replica);
    } else {
      return std::nullopt;
    }
  }
  return configuration;
}

std::string Format(const Configuration& configuration) {
  std::string text = absl::StrCat("{", Join(configuration.voters));
  const auto add = [&](absl::string_view name,
                       const std::vector<ReplicaId>& replicas) {
    if (!replicas.empty()) absl::StrAppend(&text, name, Join(replicas));
  };
  add(" & ", configuration.outgoing_voters);
  add(" learners ", configuration.learners);
  add(" promoting ", configuration.promoting);
  add(" next ", configuration.learners_next);
  if (configuration.auto_leave) absl::StrAppend(&text, " auto");
  return absl::StrCat(text, "}");
}

std::optional<EntryMeta> ParseEntry(absl::string_view text, Labels& labels) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> term = ParseNumber(text.substr(0, colon));
  const absl::string_view content = text.substr(colon + 1);
  if (!term) return std::nullopt;
  EntryMeta entry;
  entry.id.term = Term(*term);
  if (content == "noop") return entry;
  if (const auto configuration = ParseConfiguration(content)) {
    entry.kind = EntryKind::kConfiguration;
    entry.configuration = std::make_shared<const Configuration>(*configuration);
    return entry;
  }
  if (!IsLabel(content)) return std::nullopt;
  entry.kind =
      content == "fence" ? EntryKind::kProducerFence : EntryKind::kRecords;
  entry.record_count = content == "fence" ? 0 : 1;
  entry.payload_bytes = kLabelBytes;
  entry.handle = labels.HandleOf(content);
  return entry;
}

std::string Format(const EntryMeta& entry, const Labels& labels) {
  const std::string term = absl::StrCat(entry.id.term.value(), ":");
  switch (entry.kind) {
    case EntryKind::kNoOp:
      return term + "noop";
    case EntryKind::kConfiguration:
      return term + (entry.configuration ? Format(*entry.configuration)
                                         : std::string("{?}"));
    case EntryKind::kRecords:
    case EntryKind::kProducerFence:
      return term + labels.NameOf(entry.handle);
  }
  return term + "?";
}

std::optional<std::vector<EntryMeta>> ParseEntries(absl::string_view text,
                                                   EntryId previous,
                                                   Labels& labels) {
  const std::optional<absl::string_view> inside = Inside(text, '[', ']');
  if (!inside) return std::nullopt;
  const auto words = SplitWords(*inside);
  if (!words) return std::nullopt;
  std::vector<EntryMeta> entries;
  for (const std::string& word : *words) {
    const auto [text_of_one, count] = SplitRepeat(word);
    std::optional<EntryMeta> entry = ParseEntry(text_of_one, labels);
    if (!entry || entry->id.term < previous.term) return std::nullopt;
    for (uint64_t i = 0; i < count; ++i) {
      entry->id.index = previous.index.Next();
      entries.push_back(*entry);
      previous = entry->id;
    }
  }
  return entries;
}

std::string Format(const std::vector<EntryMeta>& entries,
                   const Labels& labels) {
  std::vector<std::string> words;
  size_t repeated = 1;
  std::string last;
  const auto flush = [&] {
    if (last.empty()) return;
    words.push_back(repeated == 1 ? last : absl::StrCat(last, "*", repeated));
  };
  for (const EntryMeta& entry : entries) {
    std::string word = Format(entry, labels);
    if (word == last) {
      ++repeated;
      continue;
    }
    flush();
    last = std::move(word);
    repeated = 1;
  }
  flush();
  return absl::StrCat("[", absl::StrJoin(words, " "), "]");
}

std::optional<MessageType> ParseMessageType(absl::string_view text) {
  return Find(kMessageTypes, text);
}
absl::string_view Format(MessageType type) {
  return NameIn(kMessageTypes, type);
}
absl::string_view Format(Role role) { return NameIn(kRoles, role); }
absl::string_view Format(PeerState state) { return NameIn(kPeerStates, state); }
absl::string_view Format(Holding holding) { return NameIn(kHoldings, holding); }
absl::string_view Format(TransferResult result) {
  return NameIn(kTransferResults, result);
}
std::optional<DiskHealth> ParseDiskHealth(absl::string_view text) {
  return Find(kDiskHealths, text);
}

std::optional<std::vector<std::string>> SplitWords(absl::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  bool quoted = false;
  std::string closers;  // of the brackets that are open
  for (const char c : text) {
    if (quoted) {
      if (c == '"') {
        quoted = false;
      } else {
        word.push_back(c);
      }
      continue;
    }
    if (closers.empty() && (c == ' ' || c == '\t')) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == '"') {
      quoted = true;
      continue;
    }
    if (c == '[') closers.push_back(']');
    if (c == '{') closers.push_back('}');
    if (c == ']' || c == '}') {
      if (closers.empty() || closers.back() != c) return std::nullopt;
      closers.pop_back();
    }
    word.push_back(c);
  }
  if (quoted || !closers.empty()) return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace kappa::raft
