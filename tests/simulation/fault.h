// Faults: what a simulated run does to its nodes, and when.
#ifndef KAPPA_TESTS_SIMULATION_FAULT_H_
#define KAPPA_TESTS_SIMULATION_FAULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kappa::simulation {

// Everything that disturbs a run. The first four befall single messages, at
// rates; the others are events of a FaultPlan.
enum class FaultKind : uint8_t {
  kLoss,
  kDelay,
  kDuplication,
  kReordering,

  kCutMinority,   // some nodes, fewer than half, from the rest
  kCutLeader,     // a leader's node from all others
  kOneWay,        // one node is not heard, or does not hear
  kBridge,        // two halves that only one node connects
  kRing,          // each node reaches its two neighbours only
  kCrash,         // the process ends; a suffix of unsynced cycles is lost
  kTornCrash,     // the same, and the first lost cycle was half written
  kPowerCut,      // all nodes at once
  kPause,         // the process stands still, then goes on
  kClockDrift,    // a node's clock runs faster or slower
  kSlowDisk,      // syncs take up to a second
  kStalledStore,  // writes wait for memory; no reason to move leadership
  kFailingDisk,   // the next sync fails: the process ends
  kFullDisk,      // no entries are taken, votes are
  kBitRot,        // one stored entry becomes unreadable
  kOldDiskImage,  // the process ends and an older copy of its disk is put back
  kLostDisk,      // the process ends and comes back with an empty disk

  kMembershipChange,
  kTransfer,
  kTrim,
  kReplicaDropped,  // the replica of a node that left is destroyed
};
inline constexpr size_t kFaultKinds = 25;
inline constexpr size_t kMessageFaultKinds = 4;

// What a group is in the middle of when a fault strikes.
enum class Situation : uint8_t {
  kElection,         // nobody leads, or somebody stands
  kUncommittedTail,  // a leader has entries that are not committed
  kJoint,            // a leader's newest configuration is joint
  kTransfer,         // leadership is being handed over
  kCatchUp,          // a replica receives a base, or old entries in bulk
};
inline constexpr size_t kSituations = 5;

const char* NameOf(FaultKind kind);
const char* NameOf(Situation situation);

// One event of a plan. Which node or group it befalls is worked out from
// `choice` when it strikes.
struct Fault {
  uint32_t number = 0;  // in the plan that was drawn; names it in a report
  FaultKind kind = FaultKind::kCrash;
  int64_t at_us = 0;
  int64_t duration_us = 0;
  uint64_t choice = 0;
  // Strikes when some group is first in this situation after `at_us`.
  std::optional<Situation> trigger;
};

// "#12 crash at 3.401 s in a joint configuration".
std::string TextOf(const Fault& fault);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_FAULT_H_
