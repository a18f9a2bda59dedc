// Candidate: the role that asks for votes.
#ifndef KAPPA_RAFT_CANDIDATE_H_
#define KAPPA_RAFT_CANDIDATE_H_

#include <cstdint>

#include "raft/context.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/quorum.h"
#include "raft/vote_tally.h"

namespace kappa::raft {

// One candidacy in one term. Neither the requests nor the candidate's own vote
// count before its vote is durable: after a crash it could otherwise vote for
// another one in the same term, or collect votes that were given for a log it
// has lost.
//
// Thread safety: thread-compatible.
class Candidate {
 public:
  // Votes for itself in the present term and asks the other voters. `call`: the
  // kTimeoutNow that made it stand, or nullptr.
  // Requires: no vote was given in this term; self is a voter.
  explicit Candidate(Context& context, const Message* call = nullptr);

  // Returns true when the election has taken too long.
  bool Tick() { return ++waited_ticks_ >= election_ticks_ + grace_ticks_; }

  // Waits anew, and so much longer: another one goes first.
  void Wait(uint32_t grace_ticks) {
    waited_ticks_ = 0;
    grace_ticks_ = grace_ticks;
  }

  // Requires: a response of the present term.
  VoteResult OnVoteResponse(const Context& context, const Message& response);
  // A write has become durable.
  VoteResult OnDurable(const Context& context);

  // The lowest entry that was damaged when the candidacy began; term 0 if none.
  EntryId doubted() const { return doubted_; }
  // Whether a majority of the voters proves that it lacks doubted(). They have
  // entered the candidate's term, so none of them can take the entry from an
  // older leader any more; what the candidate itself lost proves nothing
  // (RELIABILITY.md S8).
  bool MajorityLacks(const Context& context) const;

 private:
  uint32_t election_ticks_;
  uint32_t waited_ticks_ = 0;
  uint32_t grace_ticks_ = 0;
  uint64_t vote_sequence_;  // the write that makes the own vote durable
  VoteTally tally_;
  EntryId doubted_;
  VoteTally lacking_;  // granted: lacks doubted_
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CANDIDATE_H_
