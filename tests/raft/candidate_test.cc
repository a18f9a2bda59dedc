#include "raft/candidate.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

Context InTerm(const Configuration& configuration, uint64_t term) {
  Context context(OptionsOf(1), Restored(configuration, {1, 2}));
  context.EnterTerm(Term(term));
  return context;
}

TEST(CandidateTest, AsksTheOthersOnlyWithItsOwnDurableVote) {
  Context context = InTerm(Voters({1, 2, 3}), 4);
  Candidate candidate(context);
  const Output output = context.TakeOutput();
  EXPECT_TRUE(output.messages.empty());
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].hard_state, (HardState{Term(4), Replica(1)}));
  ASSERT_EQ(output.persists[0].messages_after.size(), 2u);
  for (const Message& request : output.persists[0].messages_after) {
    EXPECT_EQ(request.type, MessageType::kVoteRequest);
    EXPECT_EQ(request.term, Term(4));
    EXPECT_EQ(request.last, At(2, 2));
    EXPECT_NE(request.to, Replica(1));
  }
}

TEST(CandidateTest, ItsOwnVoteCountsOnceItIsDurable) {
  Context context = InTerm(Voters({1, 2, 3}), 4);
  Candidate candidate(context);
  const Output output = context.TakeOutput();
  EXPECT_EQ(candidate.OnVoteResponse(context, VoteResponse(2, 1, 4, true)),
            VoteResult::kPending);
  EXPECT_EQ(candidate.OnDurable(context), VoteResult::kPending);
  EXPECT_TRUE(context.CompletePersist(output.persists.at(0).token));
  EXPECT_EQ(candidate.OnDurable(context), VoteResult::kWon);
}

TEST(CandidateTest, WinsAndLosesByTheOthersToo) {
  for (const bool granted : {true, false}) {
    Context context = InTerm(Voters({1, 2, 3}), 4);
    Candidate candidate(context);
    EXPECT_EQ(candidate.OnVoteResponse(context, VoteResponse(2, 1, 4, granted)),
              VoteResult::kPending);
    EXPECT_EQ(candidate.OnVoteResponse(context, VoteResponse(3, 1, 4, granted)),
              granted ? VoteResult::kWon : VoteResult::kLost);
  }
}

TEST(CandidateTest, DoesNotAskLearners) {
  Configuration configuration = Voters({1, 2, 3});
  configuration.learners = {Replica(4)};
  Context context = InTerm(configuration, 4);
  Candidate candidate(context);
  const Output output = context.TakeOutput();
  ASSERT_EQ(output.persists.at(0).messages_after.size(), 2u);
  for (const Message& request : output.persists[0].messages_after) {
    EXPECT_NE(request.to, Replica(4));
  }
}

TEST(CandidateTest, TakesBetweenOneAndTwoElectionTimes) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CoreOptions options = OptionsOf(1);
    options.random_seed = seed;
    Context context(options, Restored(Voters({1, 2, 3}), {}));
    context.EnterTerm(Term(1));
    Candidate candidate(context);
    uint32_t ticks = 1;
    while (!candidate.Tick()) ++ticks;
    EXPECT_GE(ticks, options.election_ticks);
    EXPECT_LT(ticks, 2 * options.election_ticks);
  }
}

}  // namespace
}  // namespace kappa::raft
