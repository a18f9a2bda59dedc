// What a replica is in its group, and how its disk does.
#ifndef KAPPA_RAFT_ROLE_H_
#define KAPPA_RAFT_ROLE_H_

#include <cstdint>

namespace kappa::raft {

enum class Role : uint8_t {
  kLearner,  // a follower without a vote, or one that was removed
  kFollower,
  kPreCandidate,
  kCandidate,
  kLeader,
};

// What the owner's disk can do at the moment.
enum class DiskHealth : uint8_t {
  kHealthy,
  // Writes wait for the store's memory, not for the disk: no reason to move
  // leadership; write_stall_ticks do not count.
  kStalled,
  kSlow,  // as if write_stall_ticks had passed
  kFull,  // takes term and vote, but no entries (RELIABILITY.md S10)
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_ROLE_H_
