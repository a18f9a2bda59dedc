// Quorum: what a configuration's voters decide together.
#ifndef KAPPA_RAFT_QUORUM_H_
#define KAPPA_RAFT_QUORUM_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"

namespace kappa::raft {

enum class VoteResult : uint8_t { kPending, kWon, kLost };
enum class Ballot : uint8_t { kMissing, kGranted, kRefused };

// Majority arithmetic over the voters of one configuration; in a joint one
// every decision needs both majorities (Raft dissertation §4.3). Learners never
// count. Pure.
//
// Thread safety: immutable; refers to the configuration it was made from.
class Quorum {
 public:
  explicit Quorum(const Configuration& configuration)
      : configuration_(configuration) {}

  // The highest number that a majority has reached, given each voter's own
  // (durable index, round of a read, ...). 0 if there are no voters.
  uint64_t ReachedByMajority(
      absl::FunctionRef<uint64_t(ReplicaId)> reached) const;

  // Won once a majority granted, lost once a majority cannot be reached any
  // more. Lost if there are no voters.
  VoteResult Count(absl::FunctionRef<Ballot(ReplicaId)> ballot) const;

 private:
  const Configuration& configuration_;
};

// Whether `replica` has a vote in `configuration`.
bool IsVoter(const Configuration& configuration, ReplicaId replica);

// Whether anybody but `self` has a vote.
bool HasOtherVoter(const Configuration& configuration, ReplicaId self);

// Every replica of the configuration, sorted, without repetitions.
std::vector<ReplicaId> Members(const Configuration& configuration);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_QUORUM_H_
