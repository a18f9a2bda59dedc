#include "raft/leader.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 leads in term 5; its log holds the given terms and the no-op.
class LeaderTest : public testing::Test {
 protected:
  void Start(const std::vector<uint64_t>& nodes,
             const std::vector<uint64_t>& terms,
             CoreOptions options = OptionsOf(1), EntryId base = EntryId{}) {
    context_.emplace(options, Restored(Voters(nodes), terms, base));
    context_->EnterTerm(Term(5));
    context_->VoteFor(Replica(1));
    context_->SetLeader(Replica(1));
    leader_.emplace(*context_);
  }
  Output Take() {
    EXPECT_FALSE(leader_->SendPending(*context_, nodes_));
    Check();
    EXPECT_FALSE(leader_->HasPending(*context_));
    return context_->TakeOutput();
  }
  void Check() {
    context_->CheckInvariants();
    leader_->CheckInvariants(*context_);
  }
  void Respond(const Message& response) {
    leader_->OnAppendResponse(*context_, response);
    Check();
  }
  void Accept(uint64_t from, uint64_t match, uint64_t round = 0) {
    Respond(AppendAccepted(from, 1, 5, match, round));
  }
  void Refuse(uint64_t from, EntryId previous, EntryId last,
              const std::vector<EntryId>& term_starts) {
    Message response = MessageOf(MessageType::kAppendResponse, from, 1, 5);
    response.previous = previous;
    response.last = last;
    response.term_starts = term_starts;
    Respond(response);
  }
  absl::StatusOr<EntryId> Propose(uint64_t payload_bytes = 10) {
    absl::StatusOr<EntryId> id = leader_->Propose(
        *context_, EntryKind::kRecords, 1, payload_bytes, EntryHandle(77));
    Check();
    return id;
  }
  void Beat() {
    EXPECT_FALSE(leader_->Tick(*context_, nodes_, Impairment::kNone, true));
    Check();
  }

  std::optional<Context> context_;
  NodeLiveness nodes_;
  std::optional<Leader> leader_;
};

TEST_F(LeaderTest, SendsItsNoOpWhileItsOwnDiskWorks) {
  Start({1, 2, 3}, {1, 4});
  const Output output = Take();
  EXPECT_EQ(output.persists.at(0).entries.at(0).id, At(5, 3));
  ASSERT_EQ(output.messages.size(), 2u);
  const Message& request = output.messages[0];
  EXPECT_EQ(request.type, MessageType::kAppendRequest);
  EXPECT_EQ(request.to, Replica(2));
  EXPECT_EQ(request.previous, At(4, 2));
  ASSERT_EQ(request.entries.size(), 1u);
  EXPECT_EQ(request.entries[0].kind, EntryKind::kNoOp);
}

TEST_F(LeaderTest, CommitsByAMajorityOfDurableCopies) {
  Start({1, 2, 3}, {1});
  const PersistToken token = Take().persists.at(0).token;
  Accept(2, 2);
  EXPECT_EQ(context_->committed(), LogIndex(0));  // own disk still writes
  EXPECT_TRUE(context_->CompletePersist(token));
  leader_->OnDurable(*context_);
  EXPECT_EQ(context_->committed(), LogIndex(2));
}

TEST_F(LeaderTest, CommitsWithoutItsOwnDisk) {
  Start({1, 2, 3}, {1});
  Take();
  Accept(2, 2);
  Accept(3, 2);
  EXPECT_EQ(context_->committed(), LogIndex(2));
  EXPECT_EQ(context_->durable(), LogIndex(1));
}

// Raft paper figure 8.
TEST_F(LeaderTest, CommitsNoOlderTermByCounting) {
  Start({1, 2, 3}, {1, 4, 4});
  Take();
  Accept(2, 3);
  Accept(3, 3);
  EXPECT_EQ(context_->committed(), LogIndex(0));
  Accept(3, 4);
  EXPECT_EQ(context_->committed(), LogIndex(0));
  Accept(2, 4);
  EXPECT_EQ(context_->committed(), LogIndex(4));
}

TEST_F(LeaderTest, CountsVotersOnly) {
  Start({1, 2, 3}, {});
  Take();
  Accept(4, 1);
  Respond(AppendAccepted(9, 1, 5, 1));
  EXPECT_EQ(context_->committed(), LogIndex(0));
}

TEST_F(LeaderTest, IgnoresWhatNoReplicaCanMean) {
  Start({1, 2, 3}, {});
  Take();
  Accept(2, 900);     // beyond the log
  Accept(2, 1, 900);  // a round that never was
  EXPECT_EQ(context_->committed(), LogIndex(0));
}

TEST_F(LeaderTest, ManyProposalsShareARequestUpToItsLimits) {
  CoreOptions options = OptionsOf(1);
  options.request_entries_max = 3;
  options.request_bytes_max = 100;
  Start({1, 2}, {}, options);
  Take();
  Accept(2, 1);
  Take();
  for (uint64_t payload_bytes : {10, 10, 10, 10, 200, 10}) {
    ASSERT_TRUE(Propose(payload_bytes).ok());
  }
  const Output output = Take();
  ASSERT_EQ(output.messages.size(), 3u);
  EXPECT_EQ(output.messages[0].entries.size(), 3u);
  EXPECT_EQ(output.messages[1].entries.size(), 2u);  // 10 + 200 bytes
  EXPECT_EQ(output.messages[2].entries.size(), 1u);
  EXPECT_EQ(output.messages[0].entries[0].handle, EntryHandle(77));
}

TEST_F(LeaderTest, KeepsAWindowPerFollower) {
  CoreOptions options = OptionsOf(1);
  options.request_entries_max = 2;
  options.in_flight_entries_max = 4;
  Start({1, 2}, {}, options);
  Take();
  Accept(2, 1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Propose().ok());
  EXPECT_EQ(Take().messages.size(), 2u);
  Accept(2, 3);
  EXPECT_EQ(Take().messages.size(), 1u);
}

TEST_F(LeaderTest, TellsTheCommitIndexAtOnce) {
  Start({1, 2, 3}, {});
  Take();
  Accept(2, 1);
  Accept(3, 1);
  const Output output = Take();
  ASSERT_EQ(output.messages.size(), 2u);
  for (const Message& message : output.messages) {
    EXPECT_TRUE(message.entries.empty());
    EXPECT_EQ(message.previous, At(5, 1));
    EXPECT_EQ(message.committed, LogIndex(1));
  }
  EXPECT_TRUE(Take().messages.empty());
}

TEST_F(LeaderTest, HeartbeatsReferToWhatThePeerHolds) {
  Start({1, 2, 3}, {1, 2});
  Take();
  Accept(2, 3);
  ASSERT_TRUE(Propose().ok());
  Take();
  Beat();
  const Output output = Take();
  ASSERT_EQ(output.messages.size(), 2u);
  EXPECT_EQ(output.messages[0].previous, At(5, 3));
  EXPECT_EQ(output.messages[1].previous, At(0, 0));
  EXPECT_TRUE(output.messages[1].entries.empty());
}

TEST_F(LeaderTest, FindsAParkedFollowerByItsTermStarts) {
  Start({1, 2}, {1, 1, 2, 2, 2, 4, 4});
  Take();
  // The follower holds 1 1 2 3 3 3 3 3.
  Refuse(2, At(4, 7), At(3, 6), {At(0, 0), At(1, 1), At(2, 3), At(3, 4)});
  const Output output = Take();
  ASSERT_EQ(output.messages.size(), 1u);
  EXPECT_EQ(output.messages[0].previous, At(2, 3));
  ASSERT_EQ(output.messages[0].entries.size(), 5u);
  // Older entries are named only; the owner reads them from the log.
  EXPECT_EQ(output.messages[0].entries[0].id, At(2, 4));
  EXPECT_EQ(output.messages[0].entries[0].handle, EntryHandle(0));
  EXPECT_EQ(output.messages[0].entries[4].id, At(5, 8));
  Accept(2, 8);
  EXPECT_TRUE(Take().messages.empty());
}

TEST_F(LeaderTest, SendsAgainWhatGotLost) {
  Start({1, 2}, {});
  Take();
  std::vector<Message> sent;
  for (int i = 0; i < 4; ++i) {
    Beat();
    for (const Message& message : Take().messages) sent.push_back(message);
  }
  int with_entries = 0;
  for (const Message& message : sent) {
    with_entries += message.entries.empty() ? 0 : 1;
  }
  EXPECT_EQ(with_entries, 1);
}

TEST_F(LeaderTest, SendsItsBaseToWhoNeedsWhatIsGone) {
  Start({1, 2}, {4}, OptionsOf(1), At(3, 10));
  Take();
  Refuse(2, At(4, 11), At(1, 2), {At(0, 0), At(1, 1)});
  EXPECT_EQ(Take().messages.at(0).previous, At(3, 10));
  // Nothing lower to offer.
  Refuse(2, At(3, 10), At(1, 2), {At(0, 0), At(1, 1)});
  const Output output = Take();
  ASSERT_EQ(output.messages.size(), 1u);
  EXPECT_EQ(output.messages[0].type, MessageType::kBaseRequest);
  EXPECT_EQ(output.messages[0].chunk->base.id, At(3, 10));
  // Heartbeats go on.
  Beat();
  ASSERT_EQ(Take().messages.size(), 1u);
  // It is there: entries follow.
  Accept(2, 10);
  EXPECT_EQ(Take().messages.at(0).previous, At(3, 10));
}

// RAFT.md 5.
TEST_F(LeaderTest, ConfirmsNoReadBeforeItsNoOpIsCommitted) {
  Start({1, 2, 3}, {1});
  Take();
  leader_->OnReadRequested(*context_, 9);
  Take();
  Accept(2, 0, 1);
  Accept(3, 0, 1);
  EXPECT_TRUE(Take().reads_confirmed.empty());
  Accept(2, 2, 1);
  Accept(3, 2, 1);
  const Output output = Take();
  ASSERT_EQ(output.reads_confirmed.size(), 1u);
  EXPECT_EQ(output.reads_confirmed[0].index, LogIndex(2));
}

// RAFT.md 6.
TEST_F(LeaderTest, AnOldAcknowledgementConfirmsNoNewRead) {
  Start({1, 2, 3}, {});
  Take();
  Accept(2, 1);
  Accept(3, 1);
  Take();
  leader_->OnReadRequested(*context_, 1);
  const Output first = Take();
  ASSERT_EQ(first.messages.size(), 2u);
  EXPECT_EQ(first.messages[0].read_round, 1u);
  leader_->OnReadRequested(*context_, 2);
  Accept(2, 1, 0);
  EXPECT_TRUE(Take().reads_confirmed.empty());
  Accept(2, 1, 1);
  const Output confirmed = Take();
  ASSERT_EQ(confirmed.reads_confirmed.size(), 1u);
  EXPECT_EQ(confirmed.reads_confirmed[0].id, 1u);
  Accept(3, 1, 1);
  EXPECT_TRUE(Take().reads_confirmed.empty());
  Accept(3, 1, 2);
  EXPECT_EQ(Take().reads_confirmed.at(0).id, 2u);
}

TEST_F(LeaderTest, ResigningRefusesWaitingReads) {
  Start({1, 2, 3}, {});
  leader_->OnReadRequested(*context_, 4);
  leader_->OnReadRequested(*context_, 5);
  leader_->Resign(*context_);
  EXPECT_EQ(context_->TakeOutput().reads_refused,
            (std::vector<uint64_t>{4, 5}));
}

}  // namespace
}  // namespace kappa::raft
