#include "raft/vote_tally.h"

#include <gtest/gtest.h>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

TEST(VoteTallyTest, WinsByAMajority) {
  const Configuration three = Voters({1, 2, 3});
  VoteTally tally;
  EXPECT_EQ(tally.Result(three), VoteResult::kPending);
  tally.Record(Replica(1), true);
  EXPECT_EQ(tally.Result(three), VoteResult::kPending);
  tally.Record(Replica(3), true);
  EXPECT_EQ(tally.Result(three), VoteResult::kWon);
}

TEST(VoteTallyTest, LosesWhenNoMajorityIsLeft) {
  const Configuration three = Voters({1, 2, 3});
  VoteTally tally;
  tally.Record(Replica(1), true);
  tally.Record(Replica(2), false);
  EXPECT_EQ(tally.Result(three), VoteResult::kPending);
  tally.Record(Replica(3), false);
  EXPECT_EQ(tally.Result(three), VoteResult::kLost);
}

TEST(VoteTallyTest, CountsTheFirstAnswerOfAVoterOnly) {
  const Configuration three = Voters({1, 2, 3});
  VoteTally tally;
  tally.Record(Replica(1), true);
  tally.Record(Replica(1), true);
  tally.Record(Replica(2), false);
  tally.Record(Replica(2), true);
  EXPECT_EQ(tally.Result(three), VoteResult::kPending);
}

TEST(VoteTallyTest, IgnoresWhoHasNoVote) {
  const Configuration three = Voters({1, 2, 3});
  VoteTally tally;
  tally.Record(Replica(1), true);
  tally.Record(Replica(4), true);
  tally.Record(ReplicaId{NodeId(2), Incarnation(2)}, true);
  EXPECT_EQ(tally.Result(three), VoteResult::kPending);
}

}  // namespace
}  // namespace kappa::raft
