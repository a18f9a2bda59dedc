// Bad histories made by hand: each property of GroupChecker is reported when it
// does not hold, and nothing is reported of a good history.
#include "tests/simulation/group_checker.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"

namespace kappa::simulation {
namespace {

using raft::Configuration;
using raft::EntryId;
using raft::EntryKind;
using raft::MessageType;
using raft::Persist;

ReplicaId Replica(uint64_t node) {
  return ReplicaId{NodeId(node), Incarnation(1)};
}

Configuration Voters(std::vector<uint64_t> nodes) {
  Configuration configuration;
  for (uint64_t node : nodes) configuration.voters.push_back(Replica(node));
  return configuration;
}

// Replicas 1 to 3 vote. Whatever is written is durable at once.
class GroupCheckerTest : public testing::Test, public DurableLogs {
 protected:
  GroupCheckerTest() : checker_(0, *this, &breach_) {
    for (uint64_t node = 1; node <= 4; ++node) {
      logs_.emplace(Replica(node), ReplicaLog(Voters({1, 2, 3})));
    }
  }
  const ReplicaLog* DurableLog(uint32_t, ReplicaId replica) const override {
    auto found = logs_.find(replica);
    return found == logs_.end() ? nullptr : &found->second;
  }

  ReplicaLog& Log(uint64_t node) { return logs_.at(Replica(node)); }
  void Write(uint64_t node, Persist write, bool leads = false) {
    LogIndex last = Log(node).last_index();
    if (write.truncate_from) last = write.truncate_from->Previous();
    write.token.index = last + write.entries.size();
    EXPECT_EQ(Log(node).Apply(write), "");
    checker_.OnWrite(Replica(node), leads, write, Log(node));
  }
  // Adds an entry at the end of the log of each of `nodes`.
  EntryId Append(const std::vector<uint64_t>& nodes, uint64_t term,
                 uint64_t content = 0,
                 std::optional<Configuration> configuration = std::nullopt) {
    EntryId id;
    for (uint64_t node : nodes) {
      raft::EntryMeta entry;
      entry.id = id = EntryId{Term(term), Log(node).last_index().Next()};
      if (content != 0) {
        entry.kind = EntryKind::kRecords;
        entry.record_count = 1;
        entry.handle = raft::EntryHandle(content);
      }
      if (configuration) {
        entry.kind = EntryKind::kConfiguration;
        entry.configuration =
            std::make_shared<const Configuration>(*configuration);
      }
      Persist write;
      write.hard_state = Log(node).hard_state();
      if (write.hard_state.term != Term(term)) {
        write.hard_state = raft::HardState{};
        write.hard_state.term = Term(term);
      }
      write.entries = {entry};
      Write(node, std::move(write));
    }
    return id;
  }
  void SetVote(uint64_t node, uint64_t term, std::optional<uint64_t> vote) {
    Persist write;
    write.hard_state.term = Term(term);
    if (vote) write.hard_state.vote = Replica(*vote);
    Write(node, std::move(write));
  }
  void Lead(uint64_t node, uint64_t term) {
    checker_.OnLeader(Replica(node), Term(term), Log(node));
  }
  void Commit(uint64_t node, uint64_t after, uint64_t last, uint64_t term = 1) {
    raft::CommitRange range;
    range.after = LogIndex(after);
    range.last = LogIndex(last);
    checker_.OnCommit(Replica(node), Term(term), range, Log(node),
                      Log(node).last_index());
  }
  void Send(MessageType type, uint64_t from, uint64_t to, uint64_t term,
            uint64_t match = 0) {
    raft::Message message;
    message.type = type;
    message.from = Replica(from);
    message.to = Replica(to);
    message.term = Term(term);
    message.match = LogIndex(match);
    message.granted = true;
    checker_.OnSend(message, Log(from));
  }
  // The first breach says this.
  void ExpectBreach(const std::string& text) const {
    EXPECT_TRUE(absl::StrContains(breach_.text(), text))
        << "\"" << breach_.text() << "\" does not say \"" << text << "\"";
  }

  std::map<ReplicaId, ReplicaLog> logs_;
  Breach breach_;
  GroupChecker checker_;
};

// Replicas 1 to 3 hold a committed no-op of term 1 at index 1.
class StartedGroupTest : public GroupCheckerTest {
 protected:
  StartedGroupTest() {
    Lead(1, 1);
    Append({1, 2, 3}, 1);
    Commit(1, 0, 1);
  }
};

TEST_F(GroupCheckerTest, AGoodHistoryIsNoBreach) {
  SetVote(2, 1, 1);
  Send(MessageType::kVoteResponse, 2, 1, 1);
  Lead(1, 1);
  Append({1, 2, 3}, 1);
  Send(MessageType::kAppendRequest, 1, 2, 1);
  Send(MessageType::kAppendResponse, 2, 1, 1, 1);
  Commit(1, 0, 1);
  const uint64_t content = checker_.NewContent();
  checker_.OnProposed(content, Append({1, 2, 3}, 1, content));
  Append({1, 2, 3}, 1, 0, Voters({1, 2, 3, 4}));
  checker_.OnReadRequested(7);
  Commit(1, 1, 3);
  checker_.OnStepEnd();
  checker_.OnReadConfirmed({7, LogIndex(3)});
  Lead(2, 2);
  EXPECT_EQ(breach_.text(), "");
  EXPECT_EQ(checker_.highest_committed(), LogIndex(3));
  EXPECT_EQ(checker_.configurations_finished(), 1u);
}

// --- leaders and votes ---

TEST_F(GroupCheckerTest, TwoLeadersInATerm) {
  Lead(1, 2);
  Lead(2, 2);
  ExpectBreach("term 2 is led by");
}

TEST_F(StartedGroupTest, ALeaderLacksWhatIsCommitted) {
  Lead(4, 2);
  ExpectBreach("lacks committed index 1");
}

TEST_F(StartedGroupTest, EntriesFromOneThatDoesNotLead) {
  Send(MessageType::kAppendRequest, 2, 3, 1);
  ExpectBreach("sends entries in term 1");
}

TEST_F(GroupCheckerTest, TwoVotesInATerm) {
  SetVote(3, 2, 1);
  Send(MessageType::kVoteResponse, 3, 1, 2);
  EXPECT_EQ(breach_.text(), "");
  Send(MessageType::kVoteResponse, 3, 2, 2);
  ExpectBreach("votes twice in term 2");
}

TEST_F(GroupCheckerTest, AVoteBeforeItIsDurable) {
  SetVote(3, 2, std::nullopt);
  Send(MessageType::kVoteResponse, 3, 1, 2);
  ExpectBreach("tells a vote in term 2 that is not durable");
}

// --- who forgot ---

TEST_F(StartedGroupTest, WhoForgotVotes) {
  checker_.OnForgot(Replica(3), Log(3));
  SetVote(3, 2, 1);
  Send(MessageType::kVoteResponse, 3, 1, 2);
  ExpectBreach("votes although it has forgotten");
}

TEST_F(StartedGroupTest, WhoForgotAcknowledges) {
  checker_.OnForgot(Replica(3), Log(3));
  Send(MessageType::kAppendResponse, 3, 1, 1, 1);
  ExpectBreach("acknowledges although it has forgotten");
}

TEST_F(StartedGroupTest, WhoForgotLeads) {
  checker_.OnForgot(Replica(3), Log(3));
  Lead(3, 2);
  ExpectBreach("leads although it has forgotten");
}

// --- logs ---

TEST_F(StartedGroupTest, TwoContentsAtOnePlace) {
  Append({1}, 1, 5);
  Append({2}, 1, 6);
  ExpectBreach("(term 1, index 2) has another history or content");
}

TEST_F(StartedGroupTest, OneContentWithTwoHistories) {
  Append({1}, 2, 5);
  Append({2}, 3, 6);
  Append({1}, 4, 7);
  Append({2}, 4, 7);
  ExpectBreach("(term 4, index 3) has another history or content");
}

TEST_F(StartedGroupTest, ALeaderTruncates) {
  Append({1}, 1, 5);
  Persist write;
  write.hard_state.term = Term(1);
  write.truncate_from = LogIndex(2);
  Write(1, std::move(write), /*leads=*/true);
  ExpectBreach("drops entries");
}

TEST_F(StartedGroupTest, WhatIsCommittedIsTruncated) {
  Persist write;
  write.hard_state.term = Term(1);
  write.truncate_from = LogIndex(1);
  Write(1, std::move(write));
  ExpectBreach("truncates committed index 1");
}

TEST_F(StartedGroupTest, ABaseThatIsNotCommitted) {
  Append({1, 2}, 1);
  Persist write;
  write.hard_state.term = Term(1);
  write.install_base.emplace();
  write.install_base->id = EntryId{Term(1), LogIndex(2)};
  write.install_base->chain = DigestOf(Log(1).ChainAt(LogIndex(2)));
  write.install_base->configuration = Voters({1, 2, 3});
  checker_.OnWrite(Replica(4), false, write, Log(4));
  ExpectBreach("which is not committed");
}

TEST_F(StartedGroupTest, AnAcknowledgementBeforeTheSync) {
  Send(MessageType::kAppendResponse, 2, 1, 1, 2);
  ExpectBreach("acknowledges index 2, durable up to 1");
}

// --- commits ---

TEST_F(StartedGroupTest, ACommitWithoutAMajority) {
  Append({1}, 1);
  Commit(1, 1, 2);
  ExpectBreach("commits index 2 without a majority of durable copies");
}

TEST_F(StartedGroupTest, ALearnerCountsForACommit) {
  Configuration with_learner = Voters({1, 2, 3});
  with_learner.learners = {Replica(4)};
  Append({1, 2, 3}, 1, 0, with_learner);
  Commit(1, 1, 2);
  checker_.OnStepEnd();
  Log(4) = Log(1);
  Append({1, 4}, 1);
  Commit(1, 2, 3);
  ExpectBreach("commits index 3 without a majority of durable copies");
}

TEST_F(StartedGroupTest, OneHalfOfAJointConfigurationCommits) {
  Configuration joint = Voters({1, 4});
  joint.outgoing_voters = Voters({1, 2, 3}).voters;
  Log(4) = Log(1);
  Append({1, 4}, 1, 0, joint);
  Commit(1, 1, 2);
  ExpectBreach("commits index 2 without a majority of durable copies");
}

TEST_F(StartedGroupTest, TwoReplicasCommitDifferentEntries) {
  Append({1, 2}, 1, 0);
  Commit(1, 1, 2);
  Append({3}, 2, 0);
  Commit(3, 0, 2);
  ExpectBreach("committed index 2 of replica (3, 1) is not what others");
}

TEST_F(StartedGroupTest, ACommitBeyondTheEnd) {
  Commit(1, 1, 2);
  ExpectBreach("commits index 2, its log ends at 1");
}

TEST_F(StartedGroupTest, ACommitIsToldTwice) {
  Commit(1, 0, 1);
  ExpectBreach("reported up to 1");
}

// --- configurations ---

TEST_F(StartedGroupTest, QuorumsThatDoNotMeet) {
  Append({1}, 1, 0, Voters({1, 4}));
  ExpectBreach("has quorums that miss those of the one before it");
}

TEST_F(StartedGroupTest, AChangeBeforeTheLastOneIsCommitted) {
  Append({1}, 1, 0, Voters({1, 2, 3, 4}));
  checker_.OnStepEnd();
  Append({1}, 1, 0, Voters({1, 2, 3}));
  checker_.OnStepEnd();
  ExpectBreach("follows the one at 2, which is not committed");
}

TEST_F(StartedGroupTest, AChangeBeforeAnEntryOfItsTermIsCommitted) {
  Append({2}, 2);
  Append({2}, 2, 0, Voters({1, 2, 3, 4}));
  checker_.OnStepEnd();
  ExpectBreach("comes before an entry of its term is committed");
}

// --- clients ---

TEST_F(StartedGroupTest, AProposalIsCommittedTwice) {
  const uint64_t content = checker_.NewContent();
  checker_.OnProposed(content, Append({1, 2}, 1, content));
  Append({1, 2}, 1, content);
  Commit(1, 1, 3);
  ExpectBreach("is committed at 2 and 3");
}

TEST_F(StartedGroupTest, ARefusedProposalIsCommitted) {
  const uint64_t content = checker_.NewContent();
  Append({1, 2}, 1, content);
  checker_.OnProposed(content, std::nullopt);
  Commit(1, 1, 2);
  ExpectBreach("which its proposer was not told");
}

TEST_F(StartedGroupTest, WhatNobodyProposedIsCommitted) {
  Append({1, 2}, 1, 9);
  Commit(1, 1, 2);
  ExpectBreach("commits what nobody proposed");
}

TEST_F(StartedGroupTest, AStaleRead) {
  checker_.OnReadRequested(7);
  checker_.OnReadConfirmed({7, LogIndex(0)});
  ExpectBreach("stale read at 0, committed before it: 1");
}

TEST_F(StartedGroupTest, AReadIsAnsweredTwice) {
  checker_.OnReadRequested(7);
  checker_.OnReadConfirmed({7, LogIndex(1)});
  EXPECT_EQ(breach_.text(), "");
  checker_.OnReadConfirmed({7, LogIndex(1)});
  ExpectBreach("read 7 answered twice");
}

}  // namespace
}  // namespace kappa::simulation
