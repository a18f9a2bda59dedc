// ReadQueue: linearizable reads that wait for a leader to be confirmed.
#ifndef KAPPA_RAFT_READ_QUEUE_H_
#define KAPPA_RAFT_READ_QUEUE_H_

#include <cstdint>

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
  // The read waits for the next round.
  void Add(uint64_t id);
  // True if reads wait for a round that has not begun.
  bool needs_round() const;
  // Begins the next round: what is sent from now on asks under round().
  void BeginRound() { ++round_; }
  uint64_t round() const { return round_; }
  bool empty() const { return reads_.empty(); }

  // Takes out the oldest read whose round is at most `confirmed_round`. Returns
  // false if there is none.
  bool TakeConfirmed(uint64_t confirmed_round, uint64_t* id);
  // Takes out the oldest read. Returns false if there is none.
  bool TakeAny(uint64_t* id);
  // Gives memory back when empty.
  void ReleaseSpare() { reads_.ReleaseSpare(); }

  // Aborts when an invariant does not hold.
  void CheckInvariants() const;

 private:
  struct WaitingRead {
    uint64_t id;
    uint64_t round;
  };

  Ring<WaitingRead> reads_;  // ascending by round
  uint64_t round_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_READ_QUEUE_H_
