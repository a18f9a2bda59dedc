// PreCandidate: the role that asks whether an election can be won.
#ifndef KAPPA_RAFT_PRE_CANDIDATE_H_
#define KAPPA_RAFT_PRE_CANDIDATE_H_

#include <cstdint>

#include "raft/context.h"
#include "raft/message.h"
#include "raft/quorum.h"
#include "raft/vote_tally.h"

namespace kappa::raft {

// Asks the other voters about the next term without raising its own (Raft
// dissertation §9.6). Nothing of it needs to be durable: a grant promises
// nothing.
//
// Thread safety: thread-compatible.
class PreCandidate {
 public:
  // Asks the other voters; knows no leader from now on (RAFT.md 4).
  // Requires: self is a voter.
  explicit PreCandidate(Context& context);

  // Returns true when the answers have taken too long.
  bool Tick() { return ++waited_ticks_ >= election_ticks_; }

  // Requires: a response of the present term or an older one.
  VoteResult OnPreVoteResponse(const Context& context, const Message& response);

 private:
  uint32_t election_ticks_;
  uint32_t waited_ticks_ = 0;
  VoteTally tally_;
};

// Whether `request`'s sender could win an election against this replica's log
// and term. `loyal`: this replica leads, or heard a leader recently. Answers,
// and changes nothing else (RAFT.md 28); also where the sender's term is over,
// so that it learns the present one (RAFT.md 3).
void AnswerPreVoteRequest(Context& context, const Message& request, bool loyal);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PRE_CANDIDATE_H_
