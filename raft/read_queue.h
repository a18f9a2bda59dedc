// ReadQueue: linearizable reads that wait for a leader to be confirmed.
#ifndef KAPPA_RAFT_READ_QUEUE_H_
#define KAPPA_RAFT_READ_QUEUE_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/ring.h"

namespace kappa::raft {

// Reads grouped by round. A round is a question to all followers, "am I still
// your leader?", under a number that is never used again in the term, so an
// answer to an older question cannot confirm a newer read (Raft dissertation
// §6.4; RAFT.md 6).
//
// Thread safety: thread-compatible.
class ReadQueue {
 public:
  struct WaitingRead {
    uint64_t id = 0;
    uint64_t round = 0;
    // The replica that asks and the start of its process; none: the owner.
    ReplicaId from;
    uint64_t instance = 0;
  };

  // The owner's read waits for the next round.
  void Add(uint64_t id);
  // So does another replica's, unless the same one waits already.
  void AddFor(ReplicaId from, uint64_t instance, uint64_t id);
  // True if reads wait for a round that has not begun.
  bool needs_round() const;
  // Begins the next round: what is sent from now on asks under round().
  void BeginRound() { ++round_; }
  uint64_t round() const { return round_; }
  bool empty() const { return reads_.empty(); }

  // Takes out the oldest read whose round is at most `confirmed_round`. Returns
  // false if there is none.
  bool TakeConfirmed(uint64_t confirmed_round, WaitingRead* read);
  // Takes out the oldest read. Returns false if there is none.
  bool TakeAny(WaitingRead* read);
  // Gives memory back when empty.
  void ReleaseSpare() { reads_.ReleaseSpare(); }

  // Aborts when an invariant does not hold.
  void CheckInvariants() const;

 private:
  Ring<WaitingRead> reads_;  // ascending by round
  uint64_t round_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_READ_QUEUE_H_
