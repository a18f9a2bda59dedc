#include "server/commit_notices.h"

#include <algorithm>
#include <utility>

namespace kappa::server {

CommitNotices::Receiver* CommitNotices::Find(ReplicaId id) {
  const auto found = std::find_if(receivers_.begin(), receivers_.end(),
                                  [id](const auto& r) { return r.id == id; });
  return found == receivers_.end() ? nullptr : &*found;
}

bool CommitNotices::Hold(raft::Message* message) {
  if (message->type != raft::MessageType::kAppendRequest ||
      !message->entries.empty() || message->quiesce ||
      message->donor.has_value()) {
    return false;
  }
  Receiver* const to = Find(message->to);
  if (to == nullptr || to->term != message->term || to->beat != message->beat ||
      to->read_round != message->read_round || message->committed <= to->told) {
    return false;
  }
  to->held = std::make_unique<raft::Message>(std::move(*message));
  return true;
}

void CommitNotices::NoteSent(const raft::Message& message) {
  if (message.type != raft::MessageType::kAppendRequest) return;
  Receiver* to = Find(message.to);
  if (to == nullptr) {
    // Of an earlier term, or replaced since.
    std::erase_if(receivers_,
                  [&](const auto& r) { return r.term != message.term; });
    to = &receivers_.emplace_back();
    to->id = message.to;
  }
  if (to->term != message.term) {
    *to = Receiver();
    to->id = message.to;
    to->term = message.term;
  }
  to->beat = std::max(to->beat, message.beat);
  to->read_round = std::max(to->read_round, message.read_round);
  to->told = std::max(to->told, message.committed);
  if (to->held != nullptr && to->held->committed <= to->told) to->held.reset();
}

bool CommitNotices::any() const {
  return std::any_of(
      receivers_.begin(), receivers_.end(),
      [](const Receiver& receiver) { return receiver.held != nullptr; });
}

std::vector<raft::Message> CommitNotices::Release(Term term) {
  std::vector<raft::Message> released;
  for (Receiver& receiver : receivers_) {
    const auto held = std::exchange(receiver.held, nullptr);
    if (held != nullptr && held->term == term) {
      released.push_back(std::move(*held));
    }
  }
  return released;
}

}  // namespace kappa::server
