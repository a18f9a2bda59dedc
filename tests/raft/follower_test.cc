#include "raft/follower.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 of three, with a durable log of the given terms.
class FollowerTest : public testing::Test {
 protected:
  void Start(const std::vector<uint64_t>& terms, uint64_t term,
             EntryId base = EntryId{}) {
    RestoredState restored = Restored(Voters({1, 2, 3}), terms, base);
    restored.hard_state.term = Term(term);
    context_.emplace(OptionsOf(1), restored);
    follower_.emplace(10);
  }
  // What comes out of one append request.
  Output Append(const Message& request) {
    follower_->OnAppendRequest(*context_, request);
    context_->CheckInvariants();
    return context_->TakeOutput();
  }
  Output Vote(const Message& request) {
    if (AnswerVoteRequest(*context_, request, /*loyal=*/false)) {
      follower_->Wait();
    }
    context_->CheckInvariants();
    return context_->TakeOutput();
  }
  std::vector<uint64_t> Terms() const {
    std::vector<uint64_t> terms;
    for (LogIndex i = context_->log().base().index.Next();
         i <= context_->log().last().index; ++i) {
      terms.push_back(context_->log().TermAt(i)->value());
    }
    return terms;
  }

  std::optional<Context> context_;
  std::optional<Follower> follower_;
};

using TermList = std::vector<uint64_t>;

TEST_F(FollowerTest, AcknowledgesNewEntriesOnlyWithTheirWrite) {
  Start({1}, 1);
  const Output output = Append(AppendRequest(2, 1, 1, At(1, 1), {1, 1}));
  EXPECT_TRUE(output.messages.empty());
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].entries.size(), 2u);
  EXPECT_FALSE(output.persists[0].truncate_from.has_value());
  ASSERT_EQ(output.persists[0].messages_after.size(), 1u);
  const Message& response = output.persists[0].messages_after[0];
  EXPECT_EQ(response.type, MessageType::kAppendResponse);
  EXPECT_EQ(response.to, Replica(2));
  EXPECT_TRUE(response.granted);
  EXPECT_EQ(response.match, LogIndex(3));
  EXPECT_EQ(context_->leader(), Replica(2));
}

TEST_F(FollowerTest, AnswersAtOnceWhatIsDurableAlready) {
  Start({1, 1}, 1);
  Message request = AppendRequest(2, 1, 1, At(0, 0), {1, 1});
  request.read_round = 4;
  const Output output = Append(request);
  EXPECT_TRUE(output.persists.empty());
  ASSERT_EQ(output.messages.size(), 1u);
  EXPECT_TRUE(output.messages[0].granted);
  EXPECT_EQ(output.messages[0].match, LogIndex(2));
  EXPECT_EQ(output.messages[0].read_round, 4u);
}

TEST_F(FollowerTest, ARepeatedRequestWaitsForTheFirstWrite) {
  Start({1}, 1);
  const Message request = AppendRequest(2, 1, 1, At(1, 1), {1});
  const PersistToken token = Append(request).persists.at(0).token;
  const Output repeated = Append(request);
  EXPECT_TRUE(repeated.messages.empty());
  ASSERT_EQ(repeated.persists.size(), 1u);
  EXPECT_TRUE(repeated.persists[0].entries.empty());
  EXPECT_EQ(repeated.persists[0].messages_after.at(0).match, LogIndex(2));
  EXPECT_TRUE(context_->CompletePersist(token));
  EXPECT_EQ(Append(request).messages.at(0).match, LogIndex(2));
}

TEST_F(FollowerTest, RefusesAGapAndSaysWhereItsLogEnds) {
  Start({1, 2, 2}, 2);
  const Output output = Append(AppendRequest(2, 1, 2, At(2, 7), {2}));
  EXPECT_TRUE(output.persists.empty());
  ASSERT_EQ(output.messages.size(), 1u);
  const Message& response = output.messages[0];
  EXPECT_FALSE(response.granted);
  EXPECT_EQ(response.previous, At(2, 7));
  EXPECT_EQ(response.last, At(2, 3));
  EXPECT_EQ(response.term_starts,
            (std::vector<EntryId>{At(0, 0), At(1, 1), At(2, 2)}));
}

TEST_F(FollowerTest, RefusesAnotherTermAndSaysWhatIsBelow) {
  Start({1, 2, 2}, 4);
  const Output output = Append(AppendRequest(2, 1, 4, At(3, 3), {4}));
  const Message& response = output.messages.at(0);
  EXPECT_FALSE(response.granted);
  EXPECT_EQ(response.last, At(2, 2));
  EXPECT_EQ(Terms(), (TermList{1, 2, 2}));
}

TEST_F(FollowerTest, ReplacesAConflictingSuffix) {
  Start({1, 2, 2, 2}, 4);
  const Output output = Append(AppendRequest(2, 1, 4, At(1, 1), {2, 3, 4}));
  EXPECT_EQ(Terms(), (TermList{1, 2, 3, 4}));
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].truncate_from, LogIndex(3));
  ASSERT_EQ(output.persists[0].entries.size(), 2u);
  EXPECT_EQ(output.persists[0].entries[0].id, At(3, 3));
  EXPECT_EQ(context_->durable(), LogIndex(2));
}

// RAFT.md 15.
TEST_F(FollowerTest, NeverCutsAPrefixThatMatches) {
  Start({1, 1, 1, 1}, 1);
  for (uint64_t previous = 0; previous <= 3; ++previous) {
    const Output output = Append(
        AppendRequest(2, 1, 1, At(previous == 0 ? 0 : 1, previous), {1}));
    EXPECT_TRUE(output.persists.empty());
    EXPECT_EQ(output.messages.at(0).match, LogIndex(previous + 1));
    EXPECT_EQ(context_->log().last(), At(1, 4));
  }
}

// RAFT.md 16.
TEST_F(FollowerTest, CommitsOnlyWhatTheRequestVerified) {
  Start({1, 2, 2}, 3);
  Append(AppendRequest(2, 1, 3, At(1, 1), {}, 3));
  EXPECT_EQ(context_->committed(), LogIndex(1));
  Append(AppendRequest(2, 1, 3, At(1, 1), {2}, 9));
  EXPECT_EQ(context_->committed(), LogIndex(2));
  Append(AppendRequest(2, 1, 3, At(2, 2), {}, 1));
  EXPECT_EQ(context_->committed(), LogIndex(2));
}

TEST_F(FollowerTest, MayCommitBeyondItsOwnDisk) {
  Start({1}, 1);
  const Output output = Append(AppendRequest(2, 1, 1, At(1, 1), {1, 1}, 3));
  EXPECT_EQ(output.committed->last, LogIndex(3));
  EXPECT_EQ(context_->durable(), LogIndex(1));
}

TEST_F(FollowerTest, NeverReplacesACommittedEntry) {
  Start({1, 1, 1}, 3);
  Append(AppendRequest(2, 1, 3, At(1, 2), {}, 2));
  const Output output = Append(AppendRequest(2, 1, 3, At(0, 0), {1, 2}));
  EXPECT_TRUE(output.persists.empty());
  EXPECT_TRUE(output.messages.empty());
  EXPECT_EQ(Terms(), (TermList{1, 1, 1}));
}

TEST_F(FollowerTest, TakesARequestThatBeginsBelowItsBase) {
  Start({3}, 3, At(2, 5));
  const Output output =
      Append(AppendRequest(2, 1, 3, At(1, 3), {2, 2, 3, 3}, 7));
  EXPECT_EQ(Terms(), (TermList{3, 3}));
  EXPECT_EQ(output.persists.at(0).entries.size(), 1u);
  EXPECT_EQ(output.persists[0].messages_after.at(0).match, LogIndex(7));
  EXPECT_EQ(context_->committed(), LogIndex(7));
}

TEST_F(FollowerTest, IgnoresMalformedRequests) {
  Start({1, 1}, 3);
  std::vector<Message> malformed;
  Message request = AppendRequest(2, 1, 3, At(1, 2), {3, 3});
  request.entries[1].id.index = LogIndex(5);  // a hole
  malformed.push_back(request);
  malformed.push_back(AppendRequest(2, 1, 3, At(1, 2), {4}));     // later term
  malformed.push_back(AppendRequest(2, 1, 3, At(1, 2), {3, 2}));  // falls
  malformed.push_back(AppendRequest(2, 1, 3, At(4, 2), {}));
  request = AppendRequest(2, 1, 3, At(1, 2), {3});
  request.entries[0].kind = EntryKind::kConfiguration;
  malformed.push_back(request);
  for (const Message& message : malformed) {
    const Output output = Append(message);
    EXPECT_TRUE(output.persists.empty());
    EXPECT_TRUE(output.messages.empty());
    EXPECT_EQ(context_->log().last(), At(1, 2));
  }
}

TEST_F(FollowerTest, GrantsOneVoteInATermAndOnlyWithItsWrite) {
  Start({1, 2}, 3);
  const Output granted = Vote(VoteRequest(2, 1, 3, At(2, 2)));
  EXPECT_TRUE(granted.messages.empty());
  ASSERT_EQ(granted.persists.size(), 1u);
  EXPECT_EQ(granted.persists[0].hard_state, (HardState{Term(3), Replica(2)}));
  EXPECT_TRUE(granted.persists[0].messages_after.at(0).granted);
  const Output refused = Vote(VoteRequest(3, 1, 3, At(2, 9)));
  EXPECT_FALSE(refused.messages.at(0).granted);
  // Repeated for the same candidate: again after the write, then at once.
  const Output repeated = Vote(VoteRequest(2, 1, 3, At(2, 2)));
  EXPECT_TRUE(repeated.messages.empty());
  EXPECT_TRUE(repeated.persists.at(0).messages_after.at(0).granted);
  EXPECT_TRUE(context_->CompletePersist(repeated.persists[0].token));
  const Output durable = Vote(VoteRequest(2, 1, 3, At(2, 2)));
  EXPECT_TRUE(durable.persists.empty());
  EXPECT_TRUE(durable.messages.at(0).granted);
}

TEST_F(FollowerTest, VotesForUpToDateLogsOnly) {
  const std::vector<std::pair<EntryId, bool>> cases = {
      {At(2, 3), true},  {At(2, 4), true},  {At(3, 1), true},
      {At(2, 2), false}, {At(1, 9), false}, {At(0, 0), false},
  };
  for (const auto& [last, granted] : cases) {
    Start({1, 2, 2}, 4);
    const Output output = Vote(VoteRequest(2, 1, 4, last));
    EXPECT_EQ(output.persists.size(), granted ? 1u : 0u);
    EXPECT_EQ(context_->vote().has_value(), granted);
  }
}

TEST_F(FollowerTest, WaitsAnewAfterALeaderOrAVoteGivenAway) {
  Start({1}, 1);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(follower_->Tick(*context_));
  Append(AppendRequest(2, 1, 1, At(1, 1), {}));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(follower_->Tick(*context_));
  Vote(VoteRequest(2, 1, 1, At(0, 0)));  // refused
  EXPECT_TRUE(follower_->Tick(*context_));
  Start({1}, 1);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(follower_->Tick(*context_));
  Vote(VoteRequest(2, 1, 1, At(1, 1)));
  EXPECT_FALSE(follower_->Tick(*context_));
}

}  // namespace
}  // namespace kappa::raft
