// Plan: the faults of one run, drawn before it begins.
#ifndef KAPPA_TESTS_SIMULATION_NODES_PLAN_H_
#define KAPPA_TESTS_SIMULATION_NODES_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/nodes/run_options.h"

namespace kappa::node_simulation {

// Everything that disturbs a run. The first three befall single messages, at
// rates; the others are events.
enum class FaultKind : uint8_t {
  kLoss,        // a message finds its queue full
  kDelay,       // up to 60 ms more
  kReordering,  // classes of messages overtake each other by up to 200 ms

  kCutMinority,   // some nodes, fewer than half, from the rest
  kCutLeader,     // the node that leads most, from all others
  kOneWay,        // one node is not heard, or does not hear
  kDisconnect,    // all connections of a node break; what is under way is lost
  kCrash,         // the process ends; what is not synced is lost
  kTornCrash,     // the same, but the last cycle was written, and never told
  kPowerCut,      // all nodes at once
  kPause,         // the process stands still, then goes on
  kClockJump,     // a node's wall clock jumps, up to an hour
  kSlowDisk,      // syncs take up to 400 ms
  kFailingDisk,   // the next sync fails: the process ends
  kFullDisk,      // the disk is nearly, or critically, full
  kTransfer,      // leadership of a group is given to another node
  kRestart,       // a planned end, and a start
  kNodeAdded,     // another node joins
  kReplicas,      // a topic shall have another number of replicas
  kTopicChanges,  // topics are made and deleted, partitions added
  kDiskWiped,     // the process ends and comes back with an empty disk
  kOldImage,      // the same, with an older image of the disk put back
  kCrashMeeting,  // a crash, and another one as it starts and meets others
  kCutMeeting,    // the same, but then it is cut off, one way or both
};
inline constexpr size_t kFaultKinds = 24;
inline constexpr size_t kMessageFaultKinds = 3;

// What a group on a struck node is in the middle of.
enum class Situation : uint8_t {
  kElection,         // nobody leads it
  kUncommittedTail,  // its leader has entries that are not committed
  kMemberChange,     // joint, or a learner is there
  kTransfer,         // leadership is being handed over
  kCatchUp,          // a replica is behind by many entries
  kMetadata,         // the metadata group has commands that are not committed
};
inline constexpr size_t kSituations = 6;

const char* NameOf(FaultKind kind);
const char* NameOf(Situation situation);

struct Fault {
  uint32_t number = 0;  // in the plan that was drawn
  FaultKind kind = FaultKind::kCrash;
  int64_t at_us = 0;
  int64_t duration_us = 0;
  uint64_t choice = 0;  // which nodes, groups, how much
  // Strikes when a group is first in this situation after `at_us`.
  std::optional<Situation> trigger;
};

// "#12 crash at 3.401 s in a transfer".
std::string TextOf(const Fault& fault);

struct Plan {
  std::vector<Fault> faults;  // by time
  std::set<FaultKind> message_faults;

  // Which kinds and how many depends on the seed. Four faults wait for a
  // situation; seed by seed these go through all cells of the table.
  static Plan Draw(const RunOptions& options);
  bool Contains(FaultKind kind) const;
  Plan WithoutKind(FaultKind kind) const;
};

// One fault a line.
std::string TextOf(const Plan& plan);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_PLAN_H_
