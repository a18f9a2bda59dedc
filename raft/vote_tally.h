// VoteTally: the answers to one candidacy.
#ifndef KAPPA_RAFT_VOTE_TALLY_H_
#define KAPPA_RAFT_VOTE_TALLY_H_

#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/quorum.h"

namespace kappa::raft {

// Who granted and who refused a vote in one term. The first answer of a replica
// counts, later ones are ignored; answers of replicas that are no voters never
// count.
//
// Thread safety: thread-compatible.
class VoteTally {
 public:
  void Record(ReplicaId from, bool granted);
  // Whether anyone granted.
  bool AnyGranted() const;
  VoteResult Result(const Configuration& configuration) const;

 private:
  Ballot BallotOf(ReplicaId replica) const;

  std::vector<std::pair<ReplicaId, Ballot>> ballots_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_VOTE_TALLY_H_
