#include "raft/promotion_rounds.h"

#include <gtest/gtest.h>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

TEST(PromotionRoundsTest, ALearnerCatchesUpByAShortRound) {
  PromotionRounds rounds;
  EXPECT_FALSE(rounds.Record(Replica(4), LogIndex(0), LogIndex(100), 1, 10));
  // The log grows; only what it held when the round began counts.
  EXPECT_FALSE(rounds.Record(Replica(4), LogIndex(99), LogIndex(150), 9, 10));
  EXPECT_TRUE(rounds.Record(Replica(4), LogIndex(100), LogIndex(150), 10, 10));
}

TEST(PromotionRoundsTest, ALongRoundIsFollowedByAnother) {
  PromotionRounds rounds;
  rounds.Record(Replica(4), LogIndex(0), LogIndex(100), 1, 10);
  EXPECT_FALSE(rounds.Record(Replica(4), LogIndex(100), LogIndex(150), 50, 10));
  EXPECT_TRUE(rounds.Record(Replica(4), LogIndex(150), LogIndex(150), 59, 10));
}

TEST(PromotionRoundsTest, WhoFallsBehindHasNotCaughtUp) {
  PromotionRounds rounds;
  rounds.Record(Replica(4), LogIndex(5), LogIndex(5), 1, 10);
  EXPECT_TRUE(rounds.Record(Replica(4), LogIndex(5), LogIndex(900), 2, 10));
  EXPECT_TRUE(rounds.Record(Replica(4), LogIndex(5), LogIndex(900), 3, 10));
  EXPECT_FALSE(rounds.Record(Replica(4), LogIndex(6), LogIndex(900), 13, 10));
}

TEST(PromotionRoundsTest, EachLearnerHasItsOwn) {
  PromotionRounds rounds;
  rounds.Record(Replica(4), LogIndex(0), LogIndex(5), 1, 10);
  rounds.Record(Replica(5), LogIndex(0), LogIndex(9), 2, 10);
  EXPECT_TRUE(rounds.Record(Replica(4), LogIndex(5), LogIndex(9), 3, 10));
  EXPECT_FALSE(rounds.Record(Replica(5), LogIndex(5), LogIndex(9), 3, 10));
  rounds.KeepOnly({Replica(5)});
  // Begins again.
  EXPECT_FALSE(rounds.Record(Replica(4), LogIndex(5), LogIndex(9), 4, 10));
}

}  // namespace
}  // namespace kappa::raft
