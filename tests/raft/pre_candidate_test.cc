#include "raft/pre_candidate.h"

#include <gtest/gtest.h>

#include <optional>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

Context Of(uint64_t term) {
  RestoredState restored = Restored(Voters({1, 2, 3}), {1, 2});
  restored.hard_state.term = Term(term);
  return Context(OptionsOf(1), restored);
}

Message Response(uint64_t from, uint64_t term, bool granted) {
  Message message = MessageOf(MessageType::kPreVoteResponse, from, 1, term);
  message.granted = granted;
  return message;
}

Message Request(uint64_t term, EntryId last) {
  Message message = MessageOf(MessageType::kPreVoteRequest, 2, 1, term);
  message.last = last;
  return message;
}

// RAFT.md 4.
TEST(PreCandidateTest, AsksAtOnceInItsOwnTermAndKnowsNoLeader) {
  Context context = Of(4);
  context.SetLeader(Replica(3));
  PreCandidate candidate(context);
  EXPECT_EQ(context.leader(), std::nullopt);
  const Output output = context.TakeOutput();
  EXPECT_TRUE(output.persists.empty());
  ASSERT_EQ(output.messages.size(), 2u);
  for (const Message& request : output.messages) {
    EXPECT_EQ(request.type, MessageType::kPreVoteRequest);
    EXPECT_EQ(request.term, Term(4));
    EXPECT_EQ(request.last, At(2, 2));
  }
  EXPECT_EQ(context.term(), Term(4));
  EXPECT_EQ(context.vote(), std::nullopt);
}

TEST(PreCandidateTest, CountsItselfAndEveryAnswerOfAVoter) {
  Context context = Of(4);
  PreCandidate winner(context);
  EXPECT_EQ(winner.OnPreVoteResponse(context, Response(9, 4, true)),
            VoteResult::kPending);
  // A voter that is a term behind may grant.
  EXPECT_EQ(winner.OnPreVoteResponse(context, Response(2, 3, true)),
            VoteResult::kWon);
  PreCandidate loser(context);
  EXPECT_EQ(loser.OnPreVoteResponse(context, Response(2, 4, false)),
            VoteResult::kPending);
  EXPECT_EQ(loser.OnPreVoteResponse(context, Response(3, 4, false)),
            VoteResult::kLost);
}

struct Case {
  uint64_t term;
  EntryId last;
  bool loyal;
  bool granted;
};

TEST(PreCandidateTest, IsGrantedToWhoCouldWinAndChangesNothing) {
  const Case cases[] = {
      {4, At(2, 2), false, true},   // as new as the own log
      {9, At(3, 1), false, true},   // a later term is not adopted
      {3, At(2, 9), false, false},  // RAFT.md 3: answered, not ignored
      {4, At(2, 1), false, false},  // a shorter log
      {4, At(1, 9), false, false},  // an older log
      {4, At(2, 2), true, false},   // a leader was heard
  };
  for (const Case& c : cases) {
    Context context = Of(4);
    AnswerPreVoteRequest(context, Request(c.term, c.last), c.loyal);
    const Output output = context.TakeOutput();
    ASSERT_EQ(output.messages.size(), 1u);
    EXPECT_EQ(output.messages[0].type, MessageType::kPreVoteResponse);
    EXPECT_EQ(output.messages[0].granted, c.granted);
    EXPECT_EQ(output.messages[0].term, Term(4));
    EXPECT_TRUE(output.persists.empty());
    EXPECT_EQ(context.term(), Term(4));
  }
}

}  // namespace
}  // namespace kappa::raft
