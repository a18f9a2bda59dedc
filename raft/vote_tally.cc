#include "raft/vote_tally.h"

#include <algorithm>

#include "raft/mutant.h"

namespace kappa::raft {

void VoteTally::Record(ReplicaId from, bool granted) {
  if (BallotOf(from) != Ballot::kMissing) return;
  ballots_.emplace_back(from, granted ? Ballot::kGranted : Ballot::kRefused);
}

bool VoteTally::AnyGranted() const {
  return std::any_of(ballots_.begin(), ballots_.end(), [](const auto& ballot) {
    return ballot.second == Ballot::kGranted;
  });
}

VoteResult VoteTally::Result(const Configuration& configuration) const {
  if (KAPPA_MUTANT(kRemovedVotes) &&
      ballots_.size() > configuration.voters.size() / 2 && AnyGranted()) {
    return VoteResult::kWon;
  }
  return Quorum(configuration).Count([this](ReplicaId replica) {
    return BallotOf(replica);
  });
}

Ballot VoteTally::BallotOf(ReplicaId replica) const {
  for (const auto& [from, ballot] : ballots_) {
    if (from == replica) return ballot;
  }
  return Ballot::kMissing;
}

}  // namespace kappa::raft
