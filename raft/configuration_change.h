// How one configuration may follow another.
#ifndef KAPPA_RAFT_CONFIGURATION_CHANGE_H_
#define KAPPA_RAFT_CONFIGURATION_CHANGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"

namespace kappa::raft {

// A wish: who shall vote and learn in the end.
struct ConfigurationChange {
  enum class Step : uint8_t {
    // One voter more or less, or learners only: at once. Anything else: through
    // a joint configuration that the leader leaves by itself.
    kAuto,
    kSimple,              // one voter more or less, or learners only
    kEnterJoint,          // joint, until kLeaveJoint is asked for
    kEnterJointAndLeave,  // joint; the leader leaves it when it is committed
    kLeaveJoint,          // the lists below are not used
  };
  Step step = Step::kAuto;
  std::vector<ReplicaId> voters;
  std::vector<ReplicaId> learners;
  std::vector<ReplicaId>
      promoting;  // learners to be made voters when caught up
};

// The configuration that follows `present` by `change` (Raft dissertation §4.1,
// §4.3). Pure. In every legal step each majority of the one shares a voter with
// each majority of the other.
// Errors: INVALID_ARGUMENT, naming the rule and the replica: no voter would be
// left; a replica is named twice, or as voter and learner; a node has two
// incarnations, or one older than a present one; promoting is no learner, or
// votes already; a simple change of more than one voter; a change while joint,
// kLeaveJoint while not; nothing would change.
absl::StatusOr<Configuration> ApplyChange(const Configuration& present,
                                          const ConfigurationChange& change);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CONFIGURATION_CHANGE_H_
