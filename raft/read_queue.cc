#include "raft/read_queue.h"

#include <cstddef>

#include "proto/wire/check.h"

namespace kappa::raft {

void ReadQueue::Add(uint64_t id) {
  reads_.PushBack(WaitingRead{id, round_ + 1, ReplicaId{}, 0});
}

void ReadQueue::AddFor(ReplicaId from, uint64_t instance, uint64_t id) {
  for (size_t i = 0; i < reads_.size(); ++i) {
    const WaitingRead& read = reads_[i];
    if (read.from == from && read.instance == instance && read.id == id) return;
  }
  reads_.PushBack(WaitingRead{id, round_ + 1, from, instance});
}

bool ReadQueue::needs_round() const {
  return !reads_.empty() && reads_.back().round > round_;
}

bool ReadQueue::TakeConfirmed(uint64_t confirmed_round, WaitingRead* read) {
  if (reads_.empty() || reads_.front().round > confirmed_round) return false;
  return TakeAny(read);
}

bool ReadQueue::TakeAny(WaitingRead* read) {
  if (reads_.empty()) return false;
  *read = reads_.front();
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
