#include "server/outgoing_messages.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "server/received_entries.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;

// An append request goes out whole, a fetch response as far as it is allowed.
bool MayBeCut(const raft::Message& message) {
  return message.type == raft::MessageType::kFetchResponse;
}

bool SameWay(const raft::Message& a, const raft::Message& b) {
  return a.to == b.to && a.type == b.type;
}

}  // namespace

bool OutgoingMessages::AddEntry(const StoredEntry& entry,
                                GroupMessage* message) {
  absl::StatusOr<raft::EntryMeta> meta = MetaOf(entry);
  raft::EntryMeta& named = message->message.entries[message->contents.size()];
  if (!meta.ok() || meta->id != named.id) return false;
  named = *std::move(meta);
  message->contents.push_back(ContentOf(entry));
  return true;
}

bool OutgoingMessages::MustWait(const raft::Message& message) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return SameWay(w.message.message, message);
  });
}

void OutgoingMessages::Leave(GroupMessage message) {
  if (holds_notices_) notices_.NoteSent(message.message);
  ready_.push_back(std::move(message));
}

void OutgoingMessages::ReleaseNotices(Term term) {
  for (raft::Message& notice : notices_.Release(term)) {
    Leave({std::move(notice), {}});
  }
}

void OutgoingMessages::Add(raft::Message message, Find find) {
  if (holds_notices_ && (message.type == raft::MessageType::kReadResponse ||
                         message.type == raft::MessageType::kTimeoutNow)) {
    behind_notices_.push_back({std::move(message), {}});
    return;
  }
  if (message.entries.empty()) {
    if (holds_notices_ && notices_.Hold(&message)) return;
    return Leave({std::move(message), {}});
  }
  if (waiting_.size() >= kWaitingMax) return;
  const bool waits = MustWait(message);
  Waiting waiting;
  waiting.message.message = std::move(message);
  const std::vector<raft::EntryMeta>& named = waiting.message.message.entries;
  waiting.message.contents.reserve(named.size());
  // Memory holds the newest entries of the log.
  for (const raft::EntryMeta& entry : named) {
    const StoredEntry* const held = find(entry.id.index);
    if (held == nullptr) {
      if (!waiting.newest.empty()) return;  // truncated since
      ++waiting.missing;
    } else {
      waiting.newest.push_back(*held);
    }
  }
  if (waiting.missing > 0) {
    AskFor(&waiting);
  } else if (!Complete(&waiting)) {
    return;
  } else if (!waits) {
    return Leave(std::move(waiting.message));
  }
  waiting_.push_back(std::move(waiting));
}

uint64_t OutgoingMessages::Ask(LogIndex from, LogIndex last, size_t bytes_max,
                               storage::ReadClass read_class) {
  reads_.push_back({++last_read_id_, from, last, bytes_max, read_class});
  return last_read_id_;
}

void OutgoingMessages::AskFor(Waiting* waiting) {
  const raft::Message& message = waiting->message.message;
  const size_t first = waiting->message.contents.size();
  const bool cut = MayBeCut(message);
  waiting->read_id =
      Ask(message.entries[first].id.index,
          message.entries[first + waiting->missing - 1].id.index,
          cut ? request_bytes_max_ : std::numeric_limits<size_t>::max(),
          cut ? storage::ReadClass::kReplay : storage::ReadClass::kPoint);
}

bool OutgoingMessages::Complete(Waiting* waiting) {
  raft::Message& message = waiting->message.message;
  std::vector<Payload>& contents = waiting->message.contents;
  uint64_t bytes = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    bytes += message.entries[i].payload_bytes;
  }
  for (const StoredEntry& entry : waiting->newest) {
    if (waiting->missing > 0) break;
    if (MayBeCut(message) && !contents.empty() && bytes >= request_bytes_max_) {
      break;
    }
    if (!AddEntry(entry, &waiting->message)) return false;
    bytes += entry.header.payload_bytes;
  }
  waiting->newest.clear();
  waiting->missing = 0;
  if (!MayBeCut(message)) return contents.size() == message.entries.size();
  message.entries.resize(contents.size());
  return !contents.empty();
}

void OutgoingMessages::OnRead(
    uint64_t id, const absl::StatusOr<std::vector<StoredEntry>>& entries) {
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [id](const Waiting& w) { return w.read_id == id; });
  if (found == waiting_.end()) return;
  Waiting& waiting = *found;
  waiting.read_id = 0;
  waiting.dropped = !entries.ok() || entries->empty();
  if (waiting.dropped) return;
  for (const StoredEntry& entry : *entries) {
    if (waiting.missing == 0) break;
    waiting.dropped = !AddEntry(entry, &waiting.message);
    if (waiting.dropped) return;
    --waiting.missing;
  }
  if (waiting.missing > 0 && !MayBeCut(waiting.message.message)) {
    return AskFor(&waiting);
  }
  waiting.dropped = !Complete(&waiting);
}

std::vector<GroupMessage> OutgoingMessages::TakeMessages(Term term) {
  for (size_t i = 0; i < waiting_.size();) {
    Waiting& waiting = waiting_[i];
    const bool stale = waiting.message.message.term != term;
    const bool behind = std::any_of(
        waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const Waiting& w) {
          return SameWay(w.message.message, waiting.message.message);
        });
    if (!stale && !waiting.dropped && (waiting.read_id != 0 || behind)) {
      ++i;
      continue;
    }
    if (!stale && !waiting.dropped) {
      Leave(std::move(waiting.message));
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (!behind_notices_.empty()) {
    ReleaseNotices(term);
    std::move(behind_notices_.begin(), behind_notices_.end(),
              std::back_inserter(ready_));
    behind_notices_.clear();
  }
  return std::exchange(ready_, {});
}

}  // namespace kappa::server
