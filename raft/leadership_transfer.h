// LeadershipTransfer: a leader that hands over to a certain voter.
#ifndef KAPPA_RAFT_LEADERSHIP_TRANSFER_H_
#define KAPPA_RAFT_LEADERSHIP_TRANSFER_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/mutant.h"

namespace kappa::raft {

// While it is under way the leader takes no proposals, so that the target can
// catch up; then the target is told to campaign at once, again in every
// heartbeat period since the message may be lost (Raft dissertation §3.10). It
// ends after an election time at the latest (RAFT.md 29).
//
// Thread safety: thread-compatible.
class LeadershipTransfer {
 public:
  LeadershipTransfer(ReplicaId target, uint64_t deadline, bool by_impairment)
      : target_(target), deadline_(deadline), by_impairment_(by_impairment) {}

  ReplicaId target() const { return target_; }
  // The leader's disk is the reason: it steps down if the target does not take
  // over.
  bool by_impairment() const { return by_impairment_; }
  bool Expired(uint64_t now) const { return now >= deadline_; }

  // A heartbeat period passed: the target is told again.
  void RecordHeartbeat() { due_ = true; }
  // True if the target, which has everything up to `match`, should be told now.
  bool Due(LogIndex match, LogIndex last) const {
    return due_ && (match == last || KAPPA_MUTANT(kTransferToLaggard));
  }
  void RecordTold() { due_ = false; }

 private:
  ReplicaId target_;
  uint64_t deadline_;
  bool by_impairment_;
  bool due_ = true;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LEADERSHIP_TRANSFER_H_
