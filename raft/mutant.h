// Mutants: deliberate bugs that the tests must notice (tests/mutants).
//
// A hook stands at the rule that it breaks:
//
//   const bool up_to_date = KAPPA_MUTANT(kStaleLogElected) || last >= own;
//
// In every normal build KAPPA_MUTANT is the constant false. Only the test
// binary that defines KAPPA_RAFT_MUTANTS for all of its sources can switch one
// on; it also switches KAPPA_CHECK off, since a mutant counts as caught
// only by a property or an expected state.
#ifndef KAPPA_RAFT_MUTANT_H_
#define KAPPA_RAFT_MUTANT_H_

#include <cstdint>

namespace kappa::raft {

// Named for what goes wrong. Behind each: the row of RAFT.md, or the entry of
// RELIABILITY.md's list ("tests are tested") where no row has it.
enum class Mutant : uint8_t {
  kNone = 0,

  // --- terms and votes ---
  kFallBackClearsVote,       // 1: pre-candidate or candidate -> follower
  kVoteAfterReply,           // term and vote are persisted after the reply
  kPreVoteOfLowerTermMuted,  // 3: ignored instead of answered
  kPreCandidateKeepsLeader,  // 4
  kStaleLogElected,          // elect without the up-to-date check
  kVoteTwice,                // the vote of the term is not looked at
  kTermRaisedByPreVote,      // 28: a pre-vote changes the receiver's term
  kStickinessIgnored,        // 28: disturbed by a removed replica
  kCandidateCountsOwnEarly,  // own vote counts before it is durable

  // --- leadership ---
  kNoQuorumKeepsLeading,       // 21: no check-quorum
  kLeaseOutlivesTransfer,      // a lease holds after kTimeoutNow
  kLeaseFromReceipt,           // a lease counts from the answer's arrival
  kCallLiftsInheritedPromise,  // a call lifts what a former process promised
  kZombieLeader,               // 20: a hung disk does not move leadership
  kTransferNeverEnds,          // 29: no deadline
  kTransferTakesProposals,     // proposals are taken while it transfers
  kTransferToLaggard,          // 29: kTimeoutNow before the target caught up
  kLoneLeaderHasNoQuorum,      // a sole voter's time alone does not count
  kSleepsUnderHalted,          // a proposal does not wake a sleeping follower
  kQuiesceUnfinished,          // 22: sleeps while a follower lacks something
  kSleepsThroughSilence,  // a quiescent follower ignores a dead leader node
  kImpairedObeysCall,     // a replica with a bad disk stands when called
  kHandsOverAtOnce,       // no pause between hand-overs nobody asked for
  kUnfitSuccessor,        // leadership goes to one that said it is unfit
  kSlowNeverStands,       // a group whose disks are all slow has no leader

  // --- membership ---
  kConfigurationOnCommit,  // 7: effective when committed, not when appended
  kConfigurationBeforeOwnTerm,    // 8
  kPromotionsOverlap,             // 9: while the previous one is uncommitted
  kJointCountsNewOnly,            // decisions by the incoming majority alone
  kLearnerCounts,                 // learner counted in the quorum
  kRemovedVotes,                  // votes of removed replicas are counted
  kTruncationKeepsConfiguration,  // a truncated configuration stays in effect
  kOldIncarnationAccepted,     // 25: messages to a former incarnation are taken
  kRemovedLeaderCountsItself,  // a leader that is no voter counts its own disk
  kRecoveryReusesTerm,         // recovery in a term others may have led in

  // --- log and commit ---
  kOlderTermByCount,         // commits an older term's entry by count
  kPreviousUnchecked,        // no check of the previous term
  kMatchingPrefixTruncated,  // 15
  kLeaderCommitTaken,        // 16: not min(leader's, last matched)
  kIndexOnlyCompletion,      // 10: a completion is matched by index alone
  kLateCompletionProves,     // 14: of what was truncated meanwhile
  kAckBeforeDurable,         // acknowledges before the sync
  kSoleVoterCommitsEarly,    // 27
  kStaleRejectionTaken,      // 26
  kRejectionStandsStill,     // 19: the probe point does not move
  kCommitToldOnce,           // 23: a commit that was not taken is not resent
  kUncommittedUnlimited,     // uncommitted_bytes_max is not looked at
  kWindowUnlimited,          // limits in flight are not looked at

  // --- reads ---
  kReadWithoutQuorum,     // answered from what the leader believes
  kReadBeforeOwnTerm,     // 5
  kReadRoundIgnored,      // 6: any answer confirms any round
  kReadOfFormerInstance,  // 6: across a restart of the asking follower
  kReadSurvivesStepDown,  // 30: confirmed after leadership was lost

  // --- base, catch-up, repair ---
  kBaseOverCommitted,      // a base below the commit index replaces the log
  kBaseWithoutAllChunks,   // installed before the last chunk is there
  kBaseChunkMisplaced,     // a chunk is taken at another place than its own
  kFetchUncommitted,       // a donor hands out uncommitted entries
  kTrimUncommitted,        // the log is trimmed above the commit index
  kRepairUnchecked,        // a repair by another entry is taken
  kDamagedSent,            // a damaged entry is sent to followers
  kDamagedCopyCounts,      // a damaged, uncommitted copy makes a majority
  kDamagedLeads,           // a candidate with a damaged entry leads
  kGiveUpWithoutMajority,  // S8: one replica that lacks it is enough
  kGiveUpCommitted,        // S8: also below the commit index
  kFullDiskAccepted,       // disk-full taken as success
  kHaltedVotes,            // 17: acts on after a failed write
};

#ifdef KAPPA_RAFT_MUTANTS
// The one that is switched on, for all cores of the process.
inline Mutant active_mutant = Mutant::kNone;
#define KAPPA_MUTANT(name) \
  (::kappa::raft::active_mutant == ::kappa::raft::Mutant::name)
#else
#define KAPPA_MUTANT(name) false
#endif

}  // namespace kappa::raft

#ifdef KAPPA_RAFT_MUTANTS
// This header is the first of every source (see core_with_mutants in BUILD), so
// no other definition is seen.
#include "proto/wire/check.h"
#undef KAPPA_CHECK
#define KAPPA_CHECK(condition, message)      \
  do {                                       \
    if (false) static_cast<void>(condition); \
  } while (false)
#endif

#endif  // KAPPA_RAFT_MUTANT_H_
