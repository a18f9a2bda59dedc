#include "raft/vote_tally.h"

namespace kappa::raft {

void VoteTally::Record(ReplicaId from, bool granted) {
  if (BallotOf(from) != Ballot::kMissing) return;
  ballots_.emplace_back(from, granted ? Ballot::kGranted : Ballot::kRefused);
}

VoteResult VoteTally::Result(const Configuration& configuration) const {
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
