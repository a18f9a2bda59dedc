#include "raft/read_queue.h"

#include <cstddef>

#include "proto/wire/check.h"

namespace kappa::raft {

void ReadQueue::Add(uint64_t id) {
  reads_.PushBack(WaitingRead{id, round_ + 1});
}

bool ReadQueue::needs_round() const {
  return !reads_.empty() && reads_.back().round > round_;
}

bool ReadQueue::TakeConfirmed(uint64_t confirmed_round, uint64_t* id) {
  if (reads_.empty() || reads_.front().round > confirmed_round) return false;
  return TakeAny(id);
}

bool ReadQueue::TakeAny(uint64_t* id) {
  if (reads_.empty()) return false;
  *id = reads_.front().id;
  reads_.PopFront();
  return true;
}

void ReadQueue::CheckInvariants() const {
  for (size_t i = 0; i < reads_.size(); ++i) {
    KAPPA_CHECK(reads_[i].round <= round_ + 1, "waits for a near round");
    KAPPA_CHECK(i == 0 || reads_[i - 1].round <= reads_[i].round,
                "rounds ascend");
  }
}

}  // namespace kappa::raft
