// Configuration: who votes in a group and who only learns.
#ifndef KAPPA_RAFT_CONFIGURATION_H_
#define KAPPA_RAFT_CONFIGURATION_H_

#include <vector>

#include "proto/wire/types.h"

namespace kappa::raft {

// All lists are sorted, without repetitions. While `outgoing_voters` is not
// empty the configuration is joint: a decision needs a majority of both (Raft
// dissertation §4.3). How one configuration may follow another is in
// configuration_change.h.
struct Configuration {
  std::vector<ReplicaId> voters;
  std::vector<ReplicaId> outgoing_voters;
  std::vector<ReplicaId> learners;
  // Outgoing voters that become learners when the joint configuration is left;
  // empty unless joint.
  std::vector<ReplicaId> learners_next;
  // Learners that the leader makes voters by itself, one at a time, once they
  // have caught up. A subset of learners.
  std::vector<ReplicaId> promoting;
  // The leader leaves the joint configuration by itself once it is committed.
  bool auto_leave = false;

  bool joint() const { return !outgoing_voters.empty(); }
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CONFIGURATION_H_
