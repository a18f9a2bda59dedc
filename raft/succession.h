// Succession: which voter leads after this leader.
#ifndef KAPPA_RAFT_SUCCESSION_H_
#define KAPPA_RAFT_SUCCESSION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/peer_status.h"

namespace kappa::raft {

// Why a leader's own disk asks for another leader.
enum class Impairment : uint8_t {
  kNone,
  kSlow,  // it is reported slow
  kHung,  // nothing becomes durable
  kFull,  // nothing can be appended; it can still lead and answer reads
};

// What a leader knows of a possible successor.
struct Successor {
  PeerStatus status;
  uint8_t priority = 0;
  // Neither its node is reported silent, nor has it said that it should not
  // lead (Message::unfit).
  bool fit = true;
  bool heard_lately =
      true;  // it answered a beat of the last half election time
};

// The best voter to hand leadership to: heard within an election time, fit, its
// disk not full; then one heard lately, then the highest match, then the
// highest priority, then the lowest id. nullopt if there is none.
std::optional<ReplicaId> BestSuccessor(const std::vector<Successor>& peers);

// Whether any other voter was heard within an election time, fit or not.
bool AnyVoterActive(const std::vector<Successor>& peers);

// Notices that a voter of higher priority than the leader has kept up for an
// election time.
//
// Thread safety: thread-compatible.
class PriorityWatch {
 public:
  // A heartbeat period passed at tick `now`. Who has everything that was
  // committed at the period before keeps up. Returns the voter to hand over to,
  // if there is one; then counts from the start again.
  std::optional<ReplicaId> Beat(const std::vector<Successor>& peers,
                                uint8_t own_priority, LogIndex committed,
                                uint64_t now, uint32_t election_ticks);

 private:
  struct KeepsUp {
    ReplicaId replica;
    uint64_t since = 0;
  };

  std::vector<KeepsUp> watched_;
  LogIndex committed_before_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_SUCCESSION_H_
