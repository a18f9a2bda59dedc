#include "raft/promotion_rounds.h"

#include <algorithm>

namespace kappa::raft {

void PromotionRounds::KeepOnly(const std::vector<ReplicaId>& learners) {
  rounds_.erase(std::remove_if(rounds_.begin(), rounds_.end(),
                               [&](const Round& round) {
                                 return !std::binary_search(learners.begin(),
                                                            learners.end(),
                                                            round.learner);
                               }),
                rounds_.end());
}

bool PromotionRounds::Record(ReplicaId learner, LogIndex match, LogIndex last,
                             uint64_t now, uint32_t election_ticks) {
  auto round =
      std::find_if(rounds_.begin(), rounds_.end(),
                   [&](const Round& r) { return r.learner == learner; });
  if (round == rounds_.end()) {
    rounds_.push_back(Round{learner, last, now, false});
    round = rounds_.end() - 1;
  }
  const bool in_time = now - round->began < election_ticks;
  if (match >= round->target) {
    *round = Round{learner, last, now, in_time};
  } else if (!in_time) {
    // The present round takes too long already.
    round->caught_up = false;
  }
  return round->caught_up;
}

}  // namespace kappa::raft
