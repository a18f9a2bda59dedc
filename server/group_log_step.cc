// GroupLog: what other replicas say.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/group_log.h"
#include "server/received_entries.h"

namespace kappa::server {

using storage::StoredEntry;

absl::Status GroupLog::Step(raft::Message message,
                            std::vector<Payload> contents) {
  if (message.type == raft::MessageType::kBaseRequest) {
    return absl::UnimplementedError(
        absl::StrCat("group ", group_.value(), " takes no bases"));
  }
  absl::StatusOr<std::vector<StoredEntry>> entries =
      DecodeEntries(message, contents);
  if (!entries.ok()) return entries.status();
  if (entries->empty()) {
    NoteAnswer(message);
    core_.Step(message);
    return absl::OkStatus();
  }
  if (message.type == raft::MessageType::kRepairResponse) {
    // It waits for its proof; what nobody asked for is dropped.
    if (!damage_told_.contains(entries->front().header.index)) {
      return absl::OkStatus();
    }
    if (repairs_ == nullptr) {
      repairs_ = std::make_unique<ReceivedRepairs>(repair_budget_);
    }
    repairs_->Add({std::move(message), std::move(entries->front())});
    return absl::OkStatus();
  }
  Received received{std::move(message), *std::move(entries)};
  if (deferred_.empty()) return Take(std::move(received));
  Defer(std::move(received));
  return absl::OkStatus();
}

// What finds no place is dropped, as messages may be.
void GroupLog::Defer(Received received) {
  size_t bytes = 0;
  for (const StoredEntry& entry : received.entries) {
    bytes += entry.payload.bytes();
  }
  const bool fits = deferred_bytes_ + bytes <= kDeferredBytesMax &&
                    deferred_.size() < kDeferredMax;
  if (!fits && !deferred_.empty()) return;
  deferred_bytes_ += bytes;
  deferred_.push_back(std::move(received));
}

absl::Status GroupLog::Take(Received received) {
  AbsorbAside();
  raft::Message& message = received.message;
  const std::optional<size_t> first = FirstNew(message);
  if (first.has_value()) {
    const LogIndex before = message.entries[*first].id.index.Previous();
    std::optional<LogTail> tail = TailAt(before);
    if (!tail.has_value()) {
      anchor_index_ = before;
      anchor_read_ =
          outgoing().Ask(before, before, 1, storage::ReadClass::kPoint);
      Defer(std::move(received));
      return absl::OkStatus();
    }
    for (size_t i = *first; i < received.entries.size(); ++i) {
      const storage::EntryHeader& header = received.entries[i].header;
      absl::Status follows = CheckFollows(*tail, header);
      if (!follows.ok()) return follows;
      tail = LogTail::Of(header);
    }
  }
  for (size_t i = 0; i < message.entries.size(); ++i) {
    message.entries[i].handle = raft::EntryHandle{i + 1};
  }
  incoming_ = &received.entries;
  incoming_checked_ = first.has_value();
  core_.Step(message);
  AbsorbAside();
  incoming_ = nullptr;
  return absl::OkStatus();
}

bool GroupLog::Holds(raft::EntryId id) const {
  return id.index <= core_.base().index || core_.TermAt(id.index) == id.term;
}

std::optional<size_t> GroupLog::FirstNew(const raft::Message& message) const {
  if (message.to != self_ || message.group != group_ ||
      !Holds(message.previous)) {
    return std::nullopt;
  }
  const auto first =
      std::find_if_not(message.entries.begin(), message.entries.end(),
                       [this](const auto& entry) { return Holds(entry.id); });
  // What contradicts a committed entry the core refuses.
  if (first == message.entries.end() || first->id.index <= core_.committed() ||
      first->id.index > core_.last().index.Next()) {
    return std::nullopt;
  }
  return static_cast<size_t>(first - message.entries.begin());
}

std::optional<LogTail> GroupLog::TailAt(LogIndex index) const {
  if (index == tail_.last.index) return tail_;
  if (index == committed_tail_.last.index) return committed_tail_;
  if (restored_.has_value() && index == restored_->last.index) {
    return restored_;
  }
  if (const storage::EntryHeader* const header = FindPending(index)) {
    return LogTail::Of(*header);
  }
  if (anchor_.has_value() && anchor_->last.index == index &&
      core_.TermAt(index) == anchor_->last.term) {
    return anchor_;
  }
  const auto cut = cuts_.find(index);
  if (cut != cuts_.end() && core_.TermAt(index) == cut->second.last.term) {
    return cut->second;
  }
  return std::nullopt;
}

void GroupLog::OnLogRead(uint64_t id,
                         absl::StatusOr<std::vector<StoredEntry>> entries) {
  if (cut_read_ != 0 && id == cut_read_) return OnCutRead(entries);
  if (id != anchor_read_) {
    outgoing().OnRead(id, entries);
    return;
  }
  anchor_read_ = 0;
  std::vector<Received> deferred = std::exchange(deferred_, {});
  deferred_bytes_ = 0;
  if (!entries.ok() || entries->empty()) return;
  const storage::EntryHeader& header = entries->front().header;
  if (header.index != anchor_index_ ||
      core_.TermAt(header.index) != header.term) {
    return;
  }
  anchor_ = LogTail::Of(header);
  for (Received& received : deferred) {
    if (!deferred_.empty()) {
      Defer(std::move(received));
      continue;
    }
    // Who sends what does not fit is not told: it sends again.
    Take(std::move(received)).IgnoreError();
  }
}

void GroupLog::Truncate(LogIndex from) {
  const std::optional<LogTail> end = TailAt(from.Previous());
  KAPPA_CHECK(end.has_value(), "a cut is made where the log is known");
  const uint64_t entries = tail_.last.index.Next() - from;
  uint64_t dropped = 0;
  for (; !pending_.empty() && pending_.back().header.index >= from; ++dropped) {
    pending_.PopBack();
  }
  if (restored_.has_value() && restored_->last.index >= from) {
    restored_ = end;
    if (end->last.index == committed_tail_.last.index) restored_.reset();
  }
  if (anchor_.has_value() && anchor_->last.index >= from) anchor_.reset();
  ForgetDamageFrom(from);
  tail_ = *end;
  bytes_.OnTruncated(from);
  while (!term_starts_.empty() && term_starts_.back().index >= from) {
    term_starts_.pop_back();
    terms_kept_ = std::min(terms_kept_, term_starts_.size());
    terms_changed_ = true;
  }
  while (!configurations_.empty() && configurations_.back().index >= from) {
    configurations_.pop_back();
    configurations_changed_ = true;
  }
  progress_.truncated_from =
      std::min(progress_.truncated_from.value_or(from), from);
  if (observer_ != nullptr) observer_->OnTruncated(from, entries, dropped);
}

}  // namespace kappa::server
