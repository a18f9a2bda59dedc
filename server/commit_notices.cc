#include "server/commit_notices.h"

#include <algorithm>
#include <utility>

namespace kappa::server {

CommitNotices::Receiver* CommitNotices::Find(ReplicaId id) {
  const auto found = std::find_if(receivers_.begin(), receivers_.end(),
                                  [id](const auto& r) { return r.id == id; });
  return found == receivers_.end() ? nullptr : &*found;
}

bool CommitNotices::Hold(const raft::Message& message) {
  if (message.type != raft::MessageType::kAppendRequest ||
      !message.entries.empty() || message.quiesce ||
      message.donor.has_value()) {
    return false;
  }
  Receiver* const to = Find(message.to);
  if (to == nullptr || to->term != message.term || to->beat != message.beat ||
      to->read_round != message.read_round) {
    return false;
  }
  to->held = message;
  to->holds = true;
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
  to->term = message.term;
  to->beat = message.beat;
  to->read_round = message.read_round;
  if (to->held.term != message.term ||
      to->held.committed <= message.committed) {
    to->holds = false;
  }
}

bool CommitNotices::any() const {
  return std::any_of(receivers_.begin(), receivers_.end(),
                     [](const Receiver& receiver) { return receiver.holds; });
}

std::vector<raft::Message> CommitNotices::Release(Term term) {
  std::vector<raft::Message> released;
  for (Receiver& receiver : receivers_) {
    if (std::exchange(receiver.holds, false) && receiver.held.term == term) {
      released.push_back(std::move(receiver.held));
    }
  }
  return released;
}

}  // namespace kappa::server
