// The core of a group with one voter, and the rules of terms that hold in every
// role. What several replicas do together: core_random_test.cc.
#include "raft/core.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// A core whose invariants are checked after every input.
class CheckedCore {
 public:
  CheckedCore(CoreOptions options, RestoredState restored)
      : core_(options, std::move(restored)) {
    core_.CheckInvariants();
  }

  Core& core() { return core_; }
  Output Take() {
    Output output = core_.TakeOutput();
    core_.CheckInvariants();
    EXPECT_FALSE(core_.HasOutput());
    return output;
  }
  absl::StatusOr<EntryId> Propose(uint64_t payload_bytes = 10) {
    absl::StatusOr<EntryId> id = core_.Propose(
        EntryKind::kRecords, 1, payload_bytes, EntryHandle(payload_bytes));
    core_.CheckInvariants();
    return id;
  }
  void Persisted(const PersistToken& token) {
    core_.OnPersisted(token);
    core_.CheckInvariants();
  }
  void Step(const Message& message) {
    core_.Step(message);
    core_.CheckInvariants();
  }

 private:
  Core core_;
};

CoreOptions WithoutPreVote() {
  CoreOptions options = OptionsOf(1);
  options.pre_vote = false;
  return options;
}

CoreOptions WithoutLoyalty() {
  CoreOptions options = OptionsOf(1);
  options.check_quorum = false;
  return options;
}

CheckedCore SingleVoter(const std::vector<uint64_t>& terms = {},
                        EntryId base = EntryId{}) {
  return CheckedCore(OptionsOf(1), Restored(Voters({1}), terms, base));
}

// A single voter that leads and has committed its no-op.
CheckedCore Leading() {
  CheckedCore voter = SingleVoter();
  voter.core().Campaign();
  voter.Persisted(voter.Take().persists.at(0).token);
  voter.Take();
  return voter;
}

TEST(CoreTest, AFreshReplicaFollowsNobodyAndAsksForNothing) {
  CheckedCore voter = SingleVoter();
  EXPECT_EQ(voter.core().role(), Role::kFollower);
  EXPECT_EQ(voter.core().term(), Term(0));
  EXPECT_EQ(voter.core().leader(), std::nullopt);
  EXPECT_EQ(voter.core().leader_term_start(), LogIndex(0));
  EXPECT_FALSE(voter.core().HasOutput());
}

TEST(CoreTest, ASingleVoterLeadsAtOnceWithVoteAndNoOpInOneWrite) {
  CheckedCore voter = SingleVoter();
  voter.core().Campaign();
  EXPECT_EQ(voter.core().role(), Role::kLeader);
  EXPECT_EQ(voter.core().leader(), Replica(1));
  EXPECT_EQ(voter.core().leader_term_start(), LogIndex(1));
  const Output output = voter.Take();
  EXPECT_TRUE(output.role_changed);
  EXPECT_TRUE(output.messages.empty());
  EXPECT_FALSE(output.committed.has_value());
  ASSERT_EQ(output.persists.size(), 1u);
  const Persist& write = output.persists[0];
  EXPECT_EQ(write.hard_state, (HardState{Term(1), Replica(1)}));
  EXPECT_EQ(write.token.term, Term(1));
  EXPECT_EQ(write.token.index, LogIndex(1));
  ASSERT_EQ(write.entries.size(), 1u);
  EXPECT_EQ(write.entries[0].id, At(1, 1));
  EXPECT_EQ(write.entries[0].kind, EntryKind::kNoOp);
  EXPECT_TRUE(write.messages_after.empty());
}

// RAFT.md 27.
TEST(CoreTest, ASingleVoterCommitsByItsOwnDurableWriteOnly) {
  CheckedCore voter = Leading();
  const absl::StatusOr<EntryId> id = voter.Propose();
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(*id, At(1, 2));
  const Output written = voter.Take();
  EXPECT_FALSE(written.committed.has_value());
  EXPECT_EQ(voter.core().committed(), LogIndex(1));
  EXPECT_EQ(voter.core().durable(), LogIndex(1));
  voter.Persisted(written.persists.at(0).token);
  EXPECT_EQ(voter.core().durable(), LogIndex(2));
  const Output committed = voter.Take();
  ASSERT_TRUE(committed.committed.has_value());
  EXPECT_EQ(committed.committed->after, LogIndex(1));
  EXPECT_EQ(committed.committed->last, LogIndex(2));
  EXPECT_TRUE(committed.persists.empty());
}

TEST(CoreTest, ManyProposalsShareOneWrite) {
  CheckedCore voter = Leading();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(voter.Propose().ok());
  const Output output = voter.Take();
  ASSERT_EQ(output.persists.size(), 1u);
  ASSERT_EQ(output.persists[0].entries.size(), 100u);
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(output.persists[0].entries[i].id, At(1, 2 + i));
  }
  EXPECT_EQ(output.persists[0].token.index, LogIndex(101));
}

TEST(CoreTest, SeveralWritesMayBeUnderWay) {
  CheckedCore voter = Leading();
  std::vector<PersistToken> tokens;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(voter.Propose().ok());
    tokens.push_back(voter.Take().persists.at(0).token);
  }
  voter.Persisted(tokens[1]);
  EXPECT_EQ(voter.Take().committed->last, LogIndex(3));
  voter.Persisted(tokens[0]);  // late
  EXPECT_FALSE(voter.core().HasOutput());
  voter.Persisted(tokens[3]);
  EXPECT_EQ(voter.Take().committed->last, LogIndex(5));
  EXPECT_EQ(voter.core().durable(), LogIndex(5));
}

TEST(CoreTest, AStrangeTokenChangesNothing) {
  CheckedCore voter = Leading();
  ASSERT_TRUE(voter.Propose().ok());
  const PersistToken token = voter.Take().persists.at(0).token;
  PersistToken strange = token;
  strange.term = Term(2);
  voter.Persisted(strange);
  strange = token;
  strange.sequence += 1;
  voter.Persisted(strange);
  strange = token;
  strange.index = LogIndex(9);
  voter.Persisted(strange);
  EXPECT_EQ(voter.core().durable(), LogIndex(1));
  EXPECT_FALSE(voter.core().HasOutput());
  voter.Persisted(token);
  voter.Persisted(token);  // twice
  EXPECT_EQ(voter.core().committed(), LogIndex(2));
}

TEST(CoreTest, ARestartedSingleVoterCommitsWhatItHeld) {
  CheckedCore voter = SingleVoter({1, 1, 2, 2});
  EXPECT_EQ(voter.core().committed(), LogIndex(0));
  EXPECT_EQ(voter.core().durable(), LogIndex(4));
  EXPECT_EQ(voter.core().last(), At(2, 4));
  voter.core().Campaign();
  EXPECT_EQ(voter.core().term(), Term(3));
  EXPECT_EQ(voter.core().leader_term_start(), LogIndex(5));
  const Output output = voter.Take();
  EXPECT_FALSE(output.committed.has_value());
  EXPECT_EQ(output.persists.at(0).entries.at(0).id, At(3, 5));
  voter.Persisted(output.persists[0].token);
  const std::optional<CommitRange> committed = voter.Take().committed;
  ASSERT_TRUE(committed.has_value());
  EXPECT_EQ(committed->after, LogIndex(0));
  EXPECT_EQ(committed->last, LogIndex(5));
}

TEST(CoreTest, ARestartAboveABaseCommitsOnlyWhatIsInTheLog) {
  CheckedCore voter = SingleVoter({4, 4}, At(3, 10));
  EXPECT_EQ(voter.core().committed(), LogIndex(10));
  EXPECT_EQ(voter.core().TermAt(LogIndex(9)), std::nullopt);
  EXPECT_EQ(voter.core().TermAt(LogIndex(10)), Term(3));
  EXPECT_EQ(voter.core().TermAt(LogIndex(12)), Term(4));
  EXPECT_EQ(voter.core().TermAt(LogIndex(13)), std::nullopt);
  voter.core().Campaign();
  voter.Persisted(voter.Take().persists.at(0).token);
  const std::optional<CommitRange> committed = voter.Take().committed;
  ASSERT_TRUE(committed.has_value());
  EXPECT_EQ(committed->after, LogIndex(10));
  EXPECT_EQ(committed->last, LogIndex(13));
}

TEST(CoreTest, CampaigningAgainChangesNothingForALeader) {
  CheckedCore voter = Leading();
  voter.core().Campaign();
  EXPECT_FALSE(voter.core().HasOutput());
  EXPECT_EQ(voter.core().term(), Term(1));
}

TEST(CoreTest, ASingleVoterThatNobodyCallsCampaignsByItself) {
  CheckedCore fresh = SingleVoter();
  fresh.core().Tick();
  EXPECT_EQ(fresh.core().role(), Role::kLeader);
  CheckedCore voter = SingleVoter({1});
  uint32_t ticks = 0;
  while (voter.core().role() != Role::kLeader && ticks < 100) {
    voter.core().Tick();
    ++ticks;
  }
  EXPECT_GE(ticks, OptionsOf(1).election_ticks);
  EXPECT_LT(ticks, 2 * OptionsOf(1).election_ticks);
}

TEST(CoreTest, AReplicaWithoutAVoteNeverCampaigns) {
  CheckedCore outsider(OptionsOf(9), Restored(Voters({1}), {1}));
  outsider.core().Campaign();
  for (int i = 0; i < 100; ++i) outsider.core().Tick();
  EXPECT_EQ(outsider.core().role(), Role::kLearner);
  EXPECT_EQ(outsider.core().term(), Term(1));
  // All it does is to ask for the leader.
  const Output output = outsider.Take();
  EXPECT_TRUE(output.persists.empty());
  EXPECT_EQ(output.messages.size(), 20u);
  for (const Message& message : output.messages) {
    EXPECT_EQ(message.type, MessageType::kLeaderQuery);
    EXPECT_EQ(message.to, Replica(1));
  }
}

TEST(CoreTest, RefusesProposalsWhenItDoesNotLead) {
  CheckedCore voter = SingleVoter({1});
  const absl::Status status = voter.Propose().status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(status.message(), "propose in term 1: this replica does not lead");
}

TEST(CoreTest, RefusesPastTheUncommittedBytesAtOnce) {
  CoreOptions options = OptionsOf(1);
  options.uncommitted_bytes_max = 100;
  CheckedCore voter(options, Restored(Voters({1}), {}));
  voter.core().Campaign();
  ASSERT_TRUE(voter.Propose(60).ok());
  ASSERT_TRUE(voter.Propose(40).ok());
  EXPECT_EQ(voter.core().uncommitted_bytes(), 100u);
  const absl::Status status = voter.Propose(1).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(),
            "propose at index 4: 100 payload bytes are uncommitted, 1 more "
            "would exceed uncommitted_bytes_max 100");
  EXPECT_EQ(voter.core().last(), At(1, 3));
  voter.Persisted(voter.Take().persists.at(0).token);
  EXPECT_EQ(voter.core().uncommitted_bytes(), 0u);
  EXPECT_TRUE(voter.Propose(1000).ok());  // nothing is uncommitted
  EXPECT_TRUE(absl::IsResourceExhausted(voter.Propose(1).status()));
}

TEST(CoreTest, ConfirmsReadsOnceItsNoOpIsCommitted) {
  CheckedCore voter = SingleVoter({1, 1});
  voter.core().OnReadRequested(5);
  EXPECT_EQ(voter.Take().reads_refused, std::vector<uint64_t>{5});
  voter.core().Campaign();
  voter.core().OnReadRequested(6);
  const Output waiting = voter.Take();
  EXPECT_TRUE(waiting.reads_confirmed.empty());
  voter.Persisted(waiting.persists.at(0).token);
  const Output confirmed = voter.Take();
  ASSERT_EQ(confirmed.reads_confirmed.size(), 1u);
  EXPECT_EQ(confirmed.reads_confirmed[0].id, 6u);
  EXPECT_EQ(confirmed.reads_confirmed[0].index, LogIndex(3));
  ASSERT_TRUE(voter.Propose().ok());
  voter.core().OnReadRequested(7);
  const Output at_once = voter.Take();
  ASSERT_EQ(at_once.reads_confirmed.size(), 1u);
  EXPECT_EQ(at_once.reads_confirmed[0].index, LogIndex(3));
}

TEST(CoreTest, AHigherTermEndsLeadershipAndRefusesWaitingReads) {
  CheckedCore voter(WithoutLoyalty(), Restored(Voters({1}), {}));
  voter.core().Campaign();
  voter.core().OnReadRequested(6);
  const PersistToken token = voter.Take().persists.at(0).token;
  voter.Step(VoteRequest(2, 1, 7, At(6, 9)));
  EXPECT_EQ(voter.core().role(), Role::kFollower);
  EXPECT_EQ(voter.core().term(), Term(7));
  EXPECT_EQ(voter.core().uncommitted_bytes(), 0u);
  const Output output = voter.Take();
  EXPECT_TRUE(output.role_changed);
  EXPECT_EQ(output.reads_refused, std::vector<uint64_t>{6});
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].hard_state, (HardState{Term(7), Replica(2)}));
  ASSERT_EQ(output.persists[0].messages_after.size(), 1u);
  // The write of the old term is no news any more.
  voter.Persisted(token);
  EXPECT_EQ(voter.core().durable(), LogIndex(0));
  voter.Persisted(output.persists[0].token);
  EXPECT_EQ(voter.core().durable(), LogIndex(1));
  EXPECT_EQ(voter.core().committed(), LogIndex(0));
}

TEST(CoreTest, WhatWasProposedBeforeATermEndedLeavesWithItsOwnTerm) {
  CheckedCore voter(WithoutLoyalty(), Restored(Voters({1}), {}));
  voter.core().Campaign();
  voter.Persisted(voter.Take().persists.at(0).token);
  voter.Take();
  ASSERT_TRUE(voter.Propose().ok());
  voter.Step(VoteRequest(2, 1, 7, At(6, 9)));
  const Output output = voter.Take();
  ASSERT_EQ(output.persists.size(), 2u);
  EXPECT_EQ(output.persists[0].token.term, Term(1));
  EXPECT_EQ(output.persists[0].hard_state, (HardState{Term(1), Replica(1)}));
  EXPECT_EQ(output.persists[0].entries.size(), 1u);
  EXPECT_EQ(output.persists[1].token.term, Term(7));
  EXPECT_TRUE(output.persists[1].entries.empty());
}

TEST(CoreTest, IgnoresMessagesThatAreNotForIt) {
  CheckedCore voter = Leading();
  Message message = VoteRequest(2, 3, 7, At(6, 9));
  voter.Step(message);
  message.to = ReplicaId{NodeId(1), Incarnation(2)};
  voter.Step(message);
  message.to = Replica(1);
  message.from = Replica(1);
  voter.Step(message);
  message.from = Replica(2);
  message.group = GroupId(8);
  voter.Step(message);
  EXPECT_EQ(voter.core().term(), Term(1));
  EXPECT_FALSE(voter.core().HasOutput());
}

TEST(CoreTest, TellsAStaleSenderTheTerm) {
  CheckedCore replica(OptionsOf(1), Restored(Voters({1, 2, 3}), {5}));
  replica.Step(VoteRequest(2, 1, 4, At(9, 9)));
  replica.Step(AppendRequest(3, 1, 4, At(0, 0), {4}));
  replica.Step(VoteResponse(2, 1, 4, true));  // no answer
  replica.Step(AppendAccepted(2, 1, 4, 1));   // no answer
  const Output output = replica.Take();
  EXPECT_TRUE(output.persists.empty());
  ASSERT_EQ(output.messages.size(), 2u);
  EXPECT_EQ(output.messages[0].type, MessageType::kVoteResponse);
  EXPECT_EQ(output.messages[0].to, Replica(2));
  EXPECT_EQ(output.messages[1].type, MessageType::kAppendResponse);
  EXPECT_EQ(output.messages[1].to, Replica(3));
  for (const Message& message : output.messages) {
    EXPECT_EQ(message.term, Term(5));
    EXPECT_FALSE(message.granted);
  }
}

// RAFT.md 1: the vote outlives every change of role within its term.
TEST(CoreTest, ACandidateThatMeetsTheLeaderKeepsItsVote) {
  CheckedCore replica(WithoutPreVote(), Restored(Voters({1, 2, 3}), {1}));
  replica.core().Campaign();
  replica.Take();
  replica.Step(AppendRequest(2, 1, 2, At(1, 1), {2}));
  EXPECT_EQ(replica.core().role(), Role::kFollower);
  EXPECT_EQ(replica.core().leader(), Replica(2));
  const Output output = replica.Take();
  EXPECT_EQ(output.persists.at(0).hard_state, (HardState{Term(2), Replica(1)}));
  replica.Step(VoteRequest(3, 1, 2, At(9, 9)));
  const Output refused = replica.Take();
  EXPECT_TRUE(refused.persists.empty());
  ASSERT_EQ(refused.messages.size(), 1u);
  EXPECT_FALSE(refused.messages[0].granted);
}

TEST(CoreTest, AnElectionThatTakesTooLongIsHeldAgain) {
  CheckedCore replica(WithoutPreVote(), Restored(Voters({1, 2, 3}), {1}));
  replica.core().Campaign();
  EXPECT_EQ(replica.core().term(), Term(2));
  for (uint32_t i = 0; i < 2 * OptionsOf(1).election_ticks; ++i) {
    replica.core().Tick();
    replica.core().CheckInvariants();
  }
  EXPECT_GE(replica.core().term(), Term(3));
  EXPECT_EQ(replica.core().role(), Role::kCandidate);
}

LogBase BaseAt(EntryId id) {
  LogBase base;
  base.id = id;
  base.configuration = Voters({1});
  return base;
}

TEST(CoreTest, InstallBaseReplacesTheWholeLog) {
  CheckedCore voter = SingleVoter({1, 1, 3});
  ASSERT_TRUE(voter.core().InstallBase(BaseAt(At(2, 20))).ok());
  voter.core().CheckInvariants();
  EXPECT_EQ(voter.core().last(), At(2, 20));
  EXPECT_EQ(voter.core().committed(), LogIndex(20));
  EXPECT_EQ(voter.core().TermAt(LogIndex(3)), std::nullopt);
  const Output output = voter.Take();
  EXPECT_FALSE(output.committed.has_value());
  ASSERT_EQ(output.persists.size(), 1u);
  ASSERT_TRUE(output.persists[0].install_base.has_value());
  EXPECT_EQ(output.persists[0].install_base->id, At(2, 20));
  EXPECT_EQ(voter.core().durable(), LogIndex(0));
  voter.core().Campaign();
  const Output led = voter.Take();
  EXPECT_EQ(led.persists.at(0).entries.at(0).id, At(4, 21));
  voter.Persisted(output.persists[0].token);  // of the term before
  voter.Persisted(led.persists[0].token);
  EXPECT_EQ(voter.core().durable(), LogIndex(21));
  const std::optional<CommitRange> committed = voter.Take().committed;
  ASSERT_TRUE(committed.has_value());
  EXPECT_EQ(committed->after, LogIndex(20));
  EXPECT_EQ(committed->last, LogIndex(21));
}

TEST(CoreTest, ALeaderTrimsPastTheStartOfItsTerm) {
  CheckedCore voter = Leading();
  ASSERT_TRUE(voter.Propose().ok());
  ASSERT_TRUE(voter.Propose().ok());
  voter.Persisted(voter.Take().persists.at(0).token);
  LogBase base;
  base.id = At(1, 2);
  base.configuration = Voters({1});
  ASSERT_TRUE(voter.core().TrimTo(base).ok());
  voter.core().CheckInvariants();
  EXPECT_EQ(voter.core().base(), At(1, 2));
  EXPECT_EQ(voter.core().leader_term_start(), LogIndex(1));
  EXPECT_EQ(voter.Take().persists.at(0).trim_to, base);
  EXPECT_TRUE(voter.Propose().ok());
}

TEST(CoreTest, InstallBaseTellsOfANewConfiguration) {
  CheckedCore voter = SingleVoter({1});
  LogBase base = BaseAt(At(1, 5));
  base.configuration = Voters({1, 2, 3});
  ASSERT_TRUE(voter.core().InstallBase(base).ok());
  EXPECT_TRUE(voter.Take().configuration_changed);
  EXPECT_EQ(voter.core().configuration(), Voters({1, 2, 3}));
}

TEST(CoreTest, InstallBaseRefusesWhatWouldLoseEntries) {
  CheckedCore voter = SingleVoter({1, 1, 3}, At(1, 4));
  const std::vector<std::pair<EntryId, std::string>> refused = {
      {At(1, 4), "install base at index 4: already committed up to 4"},
      {At(1, 6), "install base at index 6: the log holds that entry"},
      {At(3, 7), "install base at index 7: the log holds that entry"},
      {At(4, 9),
       "install base at index 9: its term 4 is later than this replica's 3"},
  };
  for (const auto& [id, message] : refused) {
    const absl::Status status = voter.core().InstallBase(BaseAt(id));
    EXPECT_TRUE(absl::IsFailedPrecondition(status));
    EXPECT_EQ(status.message(), message);
  }
  EXPECT_FALSE(voter.core().HasOutput());
  CheckedCore leader = Leading();
  EXPECT_EQ(leader.core().InstallBase(BaseAt(At(1, 9))).message(),
            "install base at index 9: only a follower's log is replaced");
}

TEST(CoreTest, MovesWithItsState) {
  CheckedCore voter = Leading();
  Core moved = std::move(voter.core());
  EXPECT_EQ(moved.role(), Role::kLeader);
  EXPECT_TRUE(
      moved.Propose(EntryKind::kProducerFence, 0, 0, EntryHandle(1)).ok());
  moved.CheckInvariants();
}

TEST(CoreDeathTest, ProposesUserKindsOnly) {
  CheckedCore voter = Leading();
  EXPECT_DEATH(
      (void)voter.core().Propose(EntryKind::kNoOp, 0, 0, EntryHandle(1)),
      "a kind that is proposed");
  EXPECT_DEATH((void)voter.core().Propose(EntryKind::kConfiguration, 0, 0,
                                          EntryHandle(1)),
               "a kind that is proposed");
}

}  // namespace
}  // namespace kappa::raft
