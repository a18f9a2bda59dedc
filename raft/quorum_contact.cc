#include "raft/quorum_contact.h"

#include <algorithm>

namespace kappa::raft {

void QuorumContact::Record(uint64_t beat) { beat_ = std::max(beat_, beat); }

bool QuorumContact::Lost(uint64_t now, uint32_t election_ticks) const {
  return now >= std::max(since_, beat_) + election_ticks;
}

bool QuorumContact::HoldsLease(uint64_t now, uint32_t lease_ticks) const {
  return beat_ != 0 && beat_ >= lease_from_ && now < beat_ + lease_ticks;
}

void QuorumContact::NoLeaseBefore(uint64_t tick) {
  lease_from_ = std::max(lease_from_, tick);
}

void QuorumContact::Restart(uint64_t now) {
  since_ = std::max(since_, now);
  NoLeaseBefore(now);
}

}  // namespace kappa::raft
