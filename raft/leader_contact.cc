#include "raft/leader_contact.h"

#include <algorithm>

#include "raft/mutant.h"

namespace kappa::raft {

void LeaderContact::Hear(Term term, uint64_t beat, uint32_t election_ticks) {
  bound_ticks_ = election_ticks;
  if (term != term_) beat_ = 0;
  term_ = term;
  beat_ = std::max(beat_, beat);
}

bool LeaderContact::CalledByLeader(const Message& request,
                                   uint32_t election_ticks) const {
  if (!request.transfer || InheritedBinds()) return false;
  // The call was of the term before the candidate's. What was heard in another
  // term has no say about it.
  if (term_.Next() != request.term) return term_ < request.term;
  return request.beat + election_ticks > beat_;
}

bool LeaderContact::StillCalls(const Message& timeout_now,
                               uint32_t election_ticks) const {
  if (InheritedBinds()) return false;
  return timeout_now.term != term_ || timeout_now.beat + election_ticks > beat_;
}

bool LeaderContact::InheritedBinds() const {
  return inherited_ticks_ > 0 && !KAPPA_MUTANT(kCallLiftsInheritedPromise);
}

}  // namespace kappa::raft
