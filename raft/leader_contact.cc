#include "raft/leader_contact.h"

namespace kappa::raft {

void LeaderContact::Hear(Term term, uint64_t beat) {
  silent_ticks_ = 0;
  if (term != term_) beat_ = 0;
  term_ = term;
  beat_ = std::max(beat_, beat);
}

bool LeaderContact::CalledByLeader(const Message& request) const {
  if (!request.transfer) return false;
  // The call was of the term before the candidate's. What was heard in another
  // term has no say about it.
  if (term_.Next() != request.term) return term_ < request.term;
  return request.beat + election_ticks_ > beat_;
}

bool LeaderContact::StillCalls(const Message& timeout_now) const {
  return timeout_now.term != term_ ||
         timeout_now.beat + election_ticks_ > beat_;
}

}  // namespace kappa::raft
