#include "raft/open_history.h"

#include "gtest/gtest.h"

namespace kappa::raft {
namespace {

// Cycles 1 to 8 in open 71, 9 to 40 in open 12, from 41 in open 93.
OpenHistory ThreeOpens() {
  OpenHistory history;
  history.Begin(71, 1);
  history.Begin(12, 9);
  history.Begin(93, 41);
  return history;
}

TEST(OpenHistoryTest, EvidenceWithinAnOpenIsCovered) {
  const OpenHistory history = ThreeOpens();
  EXPECT_TRUE(history.Covers({71, 1}, 50));
  EXPECT_TRUE(history.Covers({71, 8}, 50));
  EXPECT_TRUE(history.Covers({12, 40}, 50));
  EXPECT_TRUE(history.Covers({93, 50}, 50));
}

TEST(OpenHistoryTest, ACycleBeyondTheEndOfItsOpenWasForgotten) {
  const OpenHistory history = ThreeOpens();
  EXPECT_FALSE(history.Covers({71, 9}, 50));
  EXPECT_FALSE(history.Covers({12, 41}, 50));
  EXPECT_FALSE(history.Covers({93, 51}, 50));
}

TEST(OpenHistoryTest, AnUnknownOpenWasForgotten) {
  EXPECT_FALSE(ThreeOpens().Covers({55, 1}, 50));
  EXPECT_FALSE(OpenHistory().Covers({55, 1}, 0));
}

TEST(OpenHistoryTest, NoCycleIsNoEvidence) {
  EXPECT_TRUE(ThreeOpens().Covers({55, 0}, 50));
}

// A copy taken at cycle 20, put back when cycle 30 had been acknowledged.
TEST(OpenHistoryTest, AnOldCopyIsFoundOutAfterItsNextOpen) {
  OpenHistory history;
  history.Begin(71, 1);
  history.Begin(12, 9);
  history.Begin(44, 21);
  EXPECT_TRUE(history.Covers({12, 20}, 21));
  EXPECT_FALSE(history.Covers({12, 30}, 21));
}

}  // namespace
}  // namespace kappa::raft
