// Configuration: who votes in a group and who only learns.
#ifndef KAPPA_RAFT_CONFIGURATION_H_
#define KAPPA_RAFT_CONFIGURATION_H_

#include <vector>

#include "proto/wire/types.h"

namespace kappa::raft {

// Sorted, without repetitions. While `outgoing_voters` is not empty the
// configuration is joint: a decision needs a majority of both (Raft
// dissertation §4.3).
struct Configuration {
  std::vector<ReplicaId> voters;
  std::vector<ReplicaId> outgoing_voters;
  std::vector<ReplicaId> learners;

  bool joint() const { return !outgoing_voters.empty(); }
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CONFIGURATION_H_
