// Deliberate bugs of the core (raft/mutant.h), each with a scenario that sees
// it by an expected state or a property, and holds without it. The core's own
// checks are switched off here.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include "raft/mutant.h"
#include "tests/raft/scenarios/runner/runner.h"

namespace kappa::raft {
namespace {

struct Case {
  const char* name;
  Mutant mutant;
  const char* scenario;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

#define KAPPA_CASE(mutant, scenario) \
  Case { #mutant, Mutant::mutant, scenario }

const Case kCases[] = {
    KAPPA_CASE(kFallBackClearsVote, "bug01_fallback_keeps_the_vote"),
    KAPPA_CASE(kVoteAfterReply, "bug02_term_and_vote_in_one_write"),
    KAPPA_CASE(kPreVoteOfLowerTermMuted, "bug03_lower_pre_vote_is_answered"),
    KAPPA_CASE(kPreCandidateKeepsLeader, "bug04_pre_candidate_has_no_leader"),
    KAPPA_CASE(kStaleLogElected,
               "completeness_committed_entry_blocks_election"),
    KAPPA_CASE(kVoteTwice, "election_one_vote_per_term"),
    KAPPA_CASE(kTermRaisedByPreVote, "prevote_of_a_higher_term"),
    KAPPA_CASE(kStickinessIgnored, "sticky_refuses_and_keeps_its_term"),
    KAPPA_CASE(kCandidateCountsOwnEarly, "election_own_vote_needs_the_disk"),
    KAPPA_CASE(kNoQuorumKeepsLeading, "quorum_lost_leader_steps_down"),
    KAPPA_CASE(kLeaseOutlivesTransfer, "lease_ends_with_a_transfer"),
    KAPPA_CASE(kLeaseFromReceipt, "lease_counts_from_the_sending"),
    KAPPA_CASE(kCallLiftsInheritedPromise, "lease_call_before_a_restart"),
    KAPPA_CASE(kLoneLeaderHasNoQuorum, "quorum_sole_voter_grows"),
    KAPPA_CASE(kSleepsUnderHalted, "quiesce_halted_leader"),
    KAPPA_CASE(kRecoveryReusesTerm, "recover_alone_terms_of_others"),
    KAPPA_CASE(kImpairedObeysCall, "transfer_slow_target"),
    KAPPA_CASE(kHandsOverAtOnce, "slow_disk_of_the_preferred"),
    KAPPA_CASE(kUnfitSuccessor, "transfer_unfit_voters"),
    KAPPA_CASE(kSlowNeverStands, "slow_disks_everywhere"),
    KAPPA_CASE(kZombieLeader, "bug20_hung_disk_moves_leadership"),
    KAPPA_CASE(kTransferNeverEnds, "bug29_target_gone"),
    KAPPA_CASE(kTransferTakesProposals, "transfer_refuses_proposals"),
    KAPPA_CASE(kTransferToLaggard, "transfer_waits_for_the_target"),
    KAPPA_CASE(kQuiesceUnfinished, "bug22_sleeps_with_unfinished_business"),
    KAPPA_CASE(kSleepsThroughSilence, "quiesce_dead_leader"),
    KAPPA_CASE(kConfigurationOnCommit, "bug07_effective_when_appended"),
    KAPPA_CASE(kConfigurationBeforeOwnTerm, "bug08_own_term_before_a_change"),
    KAPPA_CASE(kPromotionsOverlap, "bug09_one_promotion_at_a_time"),
    KAPPA_CASE(kJointCountsNewOnly, "joint_needs_the_old_majority"),
    KAPPA_CASE(kLearnerCounts, "learner_does_not_count"),
    KAPPA_CASE(kRemovedVotes, "change_removed_voter_does_not_count"),
    KAPPA_CASE(kTruncationKeepsConfiguration, "change_rolled_back"),
    KAPPA_CASE(kOldIncarnationAccepted,
               "bug25_message_for_a_former_incarnation"),
    KAPPA_CASE(kRemovedLeaderCountsItself, "leader_removes_itself"),
    KAPPA_CASE(kOlderTermByCount, "figure8_c_count_does_not_commit"),
    KAPPA_CASE(kPreviousUnchecked, "figure7_f"),
    KAPPA_CASE(kMatchingPrefixTruncated, "bug15_matching_prefix_stays"),
    KAPPA_CASE(kLeaderCommitTaken, "bug16_commit_of_the_matched_part"),
    KAPPA_CASE(kIndexOnlyCompletion, "bug14_flush_after_truncation"),
    KAPPA_CASE(kLateCompletionProves, "bug14_flush_after_truncation"),
    KAPPA_CASE(kAckBeforeDurable, "log_follower_acknowledges_after_sync"),
    KAPPA_CASE(kSoleVoterCommitsEarly, "bug27_single_voter_waits_for_its_disk"),
    KAPPA_CASE(kStaleRejectionTaken, "bug26_stale_rejection"),
    KAPPA_CASE(kRejectionStandsStill, "bug19_conflicting_tail_entry_by_entry"),
    KAPPA_CASE(kCommitToldOnce, "bug23_commit_is_told_again"),
    KAPPA_CASE(kUncommittedUnlimited, "propose_uncommitted_limit"),
    KAPPA_CASE(kWindowUnlimited, "flow_in_flight_entries"),
    KAPPA_CASE(kReadWithoutQuorum, "read_without_quorum"),
    KAPPA_CASE(kReadBeforeOwnTerm, "bug05_new_leader_waits_with_reads"),
    KAPPA_CASE(kReadRoundIgnored, "bug06_old_answers_confirm_no_new_read"),
    KAPPA_CASE(kReadOfFormerInstance, "bug06_former_process_asked"),
    KAPPA_CASE(kReadSurvivesStepDown, "bug30_read_after_step_down"),
    KAPPA_CASE(kBaseOverCommitted, "base_that_is_not_needed"),
    KAPPA_CASE(kBaseWithoutAllChunks, "bug13_crash_while_receiving_a_base"),
    KAPPA_CASE(kBaseChunkMisplaced, "base_chunk_of_another_base"),
    KAPPA_CASE(kFetchUncommitted, "catch_up_only_committed"),
    KAPPA_CASE(kTrimUncommitted, "trim_refused"),
    KAPPA_CASE(kRepairUnchecked, "damage_repair_of_a_replaced_entry"),
    KAPPA_CASE(kDamagedSent, "damage_is_never_sent"),
    KAPPA_CASE(kDamagedCopyCounts, "damage_uncommitted_copy_of_a_follower"),
    KAPPA_CASE(kDamagedLeads, "damage_winner_does_not_lead"),
    KAPPA_CASE(kGiveUpWithoutMajority, "damage_one_that_lacks_proves_nothing"),
    KAPPA_CASE(kGiveUpCommitted, "damage_committed_is_never_given_up"),
    KAPPA_CASE(kFullDiskAccepted, "full_disk_is_told"),
    KAPPA_CASE(kHaltedVotes, "halted_leader_is_silent"),
};

std::string RunWith(Mutant mutant, const char* scenario) {
  const std::string path =
      std::string("tests/raft/scenarios/") + scenario + ".txt";
  std::ifstream file(path);
  if (!file) return "no file " + path;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  active_mutant = mutant;
  std::string failure = RunScenario(path, text);
  active_mutant = Mutant::kNone;
  return failure;
}

class MutantsTest : public testing::TestWithParam<Case> {};

TEST_P(MutantsTest, IsSeenByItsScenario) {
  const Case& c = GetParam();
  EXPECT_EQ(RunWith(Mutant::kNone, c.scenario), "");
  const std::string failure = RunWith(c.mutant, c.scenario);
  EXPECT_NE(failure, "") << c.name << " survives " << c.scenario;
}

INSTANTIATE_TEST_SUITE_P(All, MutantsTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& c) {
                           return std::string(c.param.name).substr(1);
                         });

}  // namespace
}  // namespace kappa::raft
