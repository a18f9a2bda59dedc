#include "server/peer/send_queue.h"

#include <utility>

#include "server/peer/peer_limits.h"

namespace kappa::server {

void SendQueue::Open() {
  MutexLock lock(&mutex_);
  open_ = true;
}

void SendQueue::Close() {
  std::deque<Waiting> dropped;  // freed outside the lock
  MutexLock lock(&mutex_);
  open_ = false;
  counters_.dropped_closed += waiting_.size();
  dropped.swap(waiting_);
  bytes_ = 0;
}

void SendQueue::Push(std::vector<PeerMessage> messages) {
  MutexLock lock(&mutex_);
  if (!open_) {
    counters_.dropped_closed += messages.size();
    return;
  }
  for (PeerMessage& message : messages) {
    const size_t cost = CostOf(message);
    if (cost > kPeerMessageBytesMax) {
      ++counters_.dropped_too_large;
    } else if (!waiting_.empty() && bytes_ + cost > bytes_max_) {
      ++counters_.dropped_full;
    } else {
      ++counters_.accepted;
      bytes_ += cost;
      waiting_.push_back(Waiting{std::move(message), cost});
    }
  }
}

size_t SendQueue::Take(size_t bytes_max, std::vector<PeerMessage>* out) {
  MutexLock lock(&mutex_);
  size_t taken = 0;
  size_t taken_bytes = 0;
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (taken > 0 && taken_bytes + first.cost > bytes_max) break;
    taken_bytes += first.cost;
    bytes_ -= first.cost;
    ++taken;
    out->push_back(std::move(first.message));
    waiting_.pop_front();
  }
  return taken;
}

size_t SendQueue::bytes() const {
  MutexLock lock(&mutex_);
  return bytes_;
}

SendQueue::Counters SendQueue::counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

}  // namespace kappa::server
