// PromotionRounds: whether learners keep up well enough to vote.
#ifndef KAPPA_RAFT_PROMOTION_ROUNDS_H_
#define KAPPA_RAFT_PROMOTION_ROUNDS_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"

namespace kappa::raft {

// Replication to a learner is cut into rounds: each ends when the learner has
// what the leader's log held when the round began. A learner has caught up once
// a round takes less than an election time, so making it a voter leaves the
// group no longer without commits than an election would (Raft dissertation
// §4.2.1).
//
// Thread safety: thread-compatible.
class PromotionRounds {
 public:
  // Forgets all learners but these. Requires: sorted.
  void KeepOnly(const std::vector<ReplicaId>& learners);
  // The learner has everything up to `match` at tick `now`; the leader's log
  // ends at `last`. Returns true if it has caught up.
  bool Record(ReplicaId learner, LogIndex match, LogIndex last, uint64_t now,
              uint32_t election_ticks);

 private:
  struct Round {
    ReplicaId learner;
    LogIndex target;
    uint64_t began = 0;
    bool caught_up = false;  // by the round before
  };

  std::vector<Round> rounds_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PROMOTION_ROUNDS_H_
