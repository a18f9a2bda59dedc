#include "raft/quorum.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include "absl/container/inlined_vector.h"
#include "raft/mutant.h"

namespace kappa::raft {
namespace {

size_t MajorityOf(size_t voter_count) { return voter_count / 2 + 1; }

uint64_t ReachedBy(const std::vector<ReplicaId>& voters,
                   absl::FunctionRef<uint64_t(ReplicaId)> reached) {
  if (voters.empty()) return 0;
  absl::InlinedVector<uint64_t, 8> values;
  for (ReplicaId voter : voters) values.push_back(reached(voter));
  auto nth =
      values.begin() + static_cast<ptrdiff_t>(MajorityOf(voters.size()) - 1);
  std::nth_element(values.begin(), nth, values.end(), std::greater<>());
  return *nth;
}

VoteResult CountOf(const std::vector<ReplicaId>& voters,
                   absl::FunctionRef<Ballot(ReplicaId)> ballot) {
  size_t granted = 0;
  size_t refused = 0;
  for (ReplicaId voter : voters) {
    const Ballot b = ballot(voter);
    granted += b == Ballot::kGranted ? 1 : 0;
    refused += b == Ballot::kRefused ? 1 : 0;
  }
  if (granted >= MajorityOf(voters.size())) return VoteResult::kWon;
  if (voters.size() - refused < MajorityOf(voters.size())) {
    return VoteResult::kLost;
  }
  return VoteResult::kPending;
}

}  // namespace

uint64_t Quorum::ReachedByMajority(
    absl::FunctionRef<uint64_t(ReplicaId)> reached) const {
  if (KAPPA_MUTANT(kLearnerCounts)) {
    return ReachedBy(Members(configuration_), reached);
  }
  const uint64_t incoming = ReachedBy(configuration_.voters, reached);
  if (!configuration_.joint() || KAPPA_MUTANT(kJointCountsNewOnly)) {
    return incoming;
  }
  return std::min(incoming, ReachedBy(configuration_.outgoing_voters, reached));
}

VoteResult Quorum::Count(absl::FunctionRef<Ballot(ReplicaId)> ballot) const {
  const VoteResult incoming = CountOf(configuration_.voters, ballot);
  if (!configuration_.joint() || incoming == VoteResult::kLost ||
      KAPPA_MUTANT(kJointCountsNewOnly)) {
    return incoming;
  }
  const VoteResult outgoing = CountOf(configuration_.outgoing_voters, ballot);
  if (outgoing == VoteResult::kLost) return VoteResult::kLost;
  return incoming == outgoing ? incoming : VoteResult::kPending;
}

bool IsVoter(const Configuration& configuration, ReplicaId replica) {
  return std::binary_search(configuration.voters.begin(),
                            configuration.voters.end(), replica) ||
         std::binary_search(configuration.outgoing_voters.begin(),
                            configuration.outgoing_voters.end(), replica);
}

bool HasOtherVoter(const Configuration& configuration, ReplicaId self) {
  const auto other = [&](ReplicaId voter) { return voter != self; };
  return std::any_of(configuration.voters.begin(), configuration.voters.end(),
                     other) ||
         std::any_of(configuration.outgoing_voters.begin(),
                     configuration.outgoing_voters.end(), other);
}

std::vector<ReplicaId> Members(const Configuration& configuration) {
  std::vector<ReplicaId> members = configuration.voters;
  members.insert(members.end(), configuration.outgoing_voters.begin(),
                 configuration.outgoing_voters.end());
  members.insert(members.end(), configuration.learners.begin(),
                 configuration.learners.end());
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

}  // namespace kappa::raft
