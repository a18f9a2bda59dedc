// What a leader tells about one other replica.
#ifndef KAPPA_RAFT_PEER_STATUS_H_
#define KAPPA_RAFT_PEER_STATUS_H_

#include <cstdint>
#include <optional>

#include "proto/wire/types.h"

namespace kappa::raft {

enum class PeerState : uint8_t {
  kProbe,      // the last common entry is being looked for
  kReplicate,  // entries stream ahead of their acknowledgements
  kCatchUp,    // fetches in bulk from `donor`
  kBase,       // its next entry is gone: receives the base's state
};

struct PeerStatus {
  ReplicaId id;
  PeerState state = PeerState::kProbe;
  bool voter = false;
  // Heard within an election time.
  bool active = false;
  bool full = false;  // refused entries for want of disk space
  LogIndex match;     // durable there up to here
  LogIndex next;      // sent up to before here
  uint64_t in_flight_bytes = 0;
  std::optional<ReplicaId> donor;  // kCatchUp
  uint64_t base_bytes = 0;         // kBase: state bytes it acknowledged
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PEER_STATUS_H_
