#include "tests/raft/scenarios/runner/message_filter.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {
namespace {

std::optional<ReplicaId> ParseEnd(absl::string_view text, WordReader& words) {
  if (text == "*") return std::nullopt;
  const std::optional<ReplicaId> replica = ParseReplica(text);
  if (!replica) words.Fail(absl::StrCat("\"", text, "\" is no replica or *"));
  return replica;
}

std::string FormatEnd(const std::optional<ReplicaId>& replica) {
  return replica ? Format(*replica) : "*";
}

}  // namespace

MessageFilter MessageFilter::TakeFrom(WordReader& words) {
  MessageFilter filter;
  const size_t arrow = words.Peek().find("->");
  if (arrow != absl::string_view::npos) {
    const std::string ends = words.Take("FROM->TO");
    filter.from_ = ParseEnd(absl::string_view(ends).substr(0, arrow), words);
    filter.to_ = ParseEnd(absl::string_view(ends).substr(arrow + 2), words);
  }
  if (words.TakeIf("heartbeat")) {
    filter.type_ = MessageType::kAppendRequest;
    filter.with_entries_ = false;
  } else if (words.TakeIf("entries")) {
    filter.type_ = MessageType::kAppendRequest;
    filter.with_entries_ = true;
  } else if (const auto type = ParseMessageType(words.Peek())) {
    filter.type_ = *type;
    words.Take("type");
  }
  return filter;
}

bool MessageFilter::Matches(const Message& message) const {
  return (!from_ || message.from == *from_) && (!to_ || message.to == *to_) &&
         (!type_ || message.type == *type_) &&
         (!with_entries_ || message.entries.empty() != *with_entries_);
}

std::string MessageFilter::ToString() const {
  std::string text = absl::StrCat(FormatEnd(from_), "->", FormatEnd(to_));
  if (with_entries_) {
    absl::StrAppend(&text, *with_entries_ ? " entries" : " heartbeat");
  } else if (type_) {
    absl::StrAppend(&text, " ", Format(*type_));
  }
  return text;
}

}  // namespace kappa::raft
