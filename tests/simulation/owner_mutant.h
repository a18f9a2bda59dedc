// OwnerMutant: deliberate bugs of the code around the cores.
#ifndef KAPPA_TESTS_SIMULATION_OWNER_MUTANT_H_
#define KAPPA_TESTS_SIMULATION_OWNER_MUTANT_H_

#include <cstddef>
#include <cstdint>

namespace kappa::simulation {

// What a simulated node does wrong, to show that a property sees it
// (RELIABILITY.md: "The tests are tested"). Bugs of the core itself are in
// raft/mutant.h.
enum class OwnerMutant : uint8_t {
  kNone,
  kAcknowledgeBeforeSync,  // a write counts as durable once it is written
  kPromiseBeforeSync,      // messages_after leave before their write is durable
  kVoteNotPersisted,       // the vote of the present term is lost in a crash
  kAmnesiacVotes,          // goes on under its id after it forgot
  kIncarnationReused,      // a lost replica comes back under the same id
  kDiskFullAsSuccess,      // a full disk drops entries and reports success
  kSyncRetried,            // a failed sync is tried again and then believed
  kCutOnChecksumError,     // a damaged entry is taken for a torn tail
  kReadInstanceReused,     // a restart gives the core the instance of before
  kDamagedLeftOut,         // an entry that cannot be read is left out
  kStaleCompletion,        // completions of a former process are reported
  kPauseUnnoticed,         // time that passed in a pause is not told first
};
inline constexpr size_t kOwnerMutants = 13;

// Whether it needs an order of events that random seeds hardly ever draw:
// directed_mutants_test shows it.
bool NeedsWrittenPlan(OwnerMutant mutant);

// "acknowledge_before_sync".
const char* NameOf(OwnerMutant mutant);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_OWNER_MUTANT_H_
