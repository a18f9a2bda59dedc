#include "server/tail_waiters.h"

#include <utility>

namespace kappa::server {

void TailWaiters::Add(uint64_t token, Offset offset,
                      Node::Callback<Offset> done) {
  waiting_.push_back({token, offset, std::move(done)});
}

void TailWaiters::Wake(Offset end) {
  size_t kept = 0;
  for (Waiter& waiter : waiting_) {
    if (waiter.offset < end) {
      waiter.done(end);
    } else {
      if (&waiting_[kept] != &waiter) waiting_[kept] = std::move(waiter);
      ++kept;
    }
  }
  waiting_.resize(kept);
}

void TailWaiters::Cancel(uint64_t token) {
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].token != token) continue;
    Node::Callback<Offset> done = std::move(waiting_[i].done);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    done(absl::CancelledError("the wait was cancelled"));
    return;
  }
}

void TailWaiters::FailAll(const absl::Status& status) {
  std::vector<Waiter> waiting = std::move(waiting_);
  waiting_.clear();
  for (Waiter& waiter : waiting) waiter.done(status);
}

}  // namespace kappa::server
