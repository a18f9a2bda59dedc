#include "server/leader_fitness.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using raft::DiskHealth;

constexpr int64_t kTickUs = 20'000;
constexpr int64_t kSlowUs = 100'000;

// A look every 20 ms.
class LeaderFitnessTest : public testing::Test {
 protected:
  DiskHealth Look() {
    now_us_ += kTickUs;
    return fitness_.Look(vitals_, now_us_);
  }
  // The last answer after so much time.
  DiskHealth LookFor(int64_t us) {
    DiskHealth health = Look();
    for (int64_t passed = kTickUs; passed < us; passed += kTickUs) {
      health = Look();
    }
    return health;
  }
  // One commit after the other, each of which takes so long.
  DiskHealth CommitFor(int64_t us, int64_t commit_us) {
    DiskHealth health = DiskHealth::kHealthy;
    for (int64_t passed = 0; passed < us;
         passed += std::max(commit_us, kTickUs)) {
      for (vitals_.commits.committing_us = kTickUs;
           vitals_.commits.committing_us < commit_us;
           vitals_.commits.committing_us += kTickUs) {
        health = Look();
      }
      vitals_.commits.committing_us = 0;
      ++vitals_.commits.commits;
      if (commit_us >= kSlowUs) ++vitals_.commits.slow_commits;
      health = Look();
    }
    return health;
  }

  NodeVitals vitals_;
  LeaderFitness fitness_{kSlowUs};
  int64_t now_us_ = 1'000'000;
};

TEST_F(LeaderFitnessTest, ANodeThatDoesNothingIsHealthy) {
  EXPECT_EQ(LookFor(20'000'000), DiskHealth::kHealthy);
  EXPECT_EQ(fitness_.reason(), "");
}

TEST_F(LeaderFitnessTest, WithoutRoomItTakesNoEntries) {
  vitals_.disk = DiskLevel::kCritical;
  EXPECT_EQ(Look(), DiskHealth::kFull);
  EXPECT_EQ(fitness_.reason(), "disk space is critical");
  // It takes them, and others lead, since it accepts nothing new.
  vitals_.disk = DiskLevel::kLow;
  EXPECT_EQ(Look(), DiskHealth::kSlow);
  EXPECT_EQ(fitness_.reason(), "disk space is low");
  vitals_.disk = DiskLevel::kAmple;
  EXPECT_EQ(Look(), DiskHealth::kHealthy);
}

TEST_F(LeaderFitnessTest, CommitsThatAreAllSlowMakeASlowDisk) {
  EXPECT_EQ(CommitFor(300'000, 120'000), DiskHealth::kHealthy);
  EXPECT_EQ(CommitFor(1'000'000, 120'000), DiskHealth::kSlow);
  EXPECT_EQ(fitness_.reason(), "the disk is slow");
  // It is not trusted at once.
  EXPECT_EQ(CommitFor(9'000'000, 1'000), DiskHealth::kSlow);
  EXPECT_EQ(CommitFor(2'000'000, 1'000), DiskHealth::kHealthy);
}

TEST_F(LeaderFitnessTest, ACommitThatHangsMakesASlowDisk) {
  vitals_.commits.committing_us = kSlowUs;
  EXPECT_EQ(LookFor(LeaderFitness::kSlowForUs), DiskHealth::kHealthy);
  EXPECT_EQ(LookFor(2 * kTickUs), DiskHealth::kSlow);
}

TEST_F(LeaderFitnessTest, OneFastCommitAmongSlowOnesSaysThatTheDiskIsWell) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(CommitFor(360'000, 120'000), DiskHealth::kHealthy);
    EXPECT_EQ(CommitFor(1'000, 1'000), DiskHealth::kHealthy);
  }
}

TEST_F(LeaderFitnessTest, ASlowCommitNowAndThenIsNoSlowDisk) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(CommitFor(120'000, 120'000), DiskHealth::kHealthy);
    EXPECT_EQ(LookFor(3'000'000), DiskHealth::kHealthy);
  }
}

// RELIABILITY.md S12: a memtable stall is not a slow disk.
TEST_F(LeaderFitnessTest, AWriteThatWaitsForMemoryIsNoSlowDisk) {
  vitals_.writes_stalled = true;
  EXPECT_EQ(CommitFor(3'000'000, 300'000), DiskHealth::kStalled);
  vitals_.writes_stalled = false;
  // The one that waited ends late.
  EXPECT_EQ(CommitFor(300'000, 300'000), DiskHealth::kHealthy);
  EXPECT_EQ(CommitFor(1'000'000, 1'000), DiskHealth::kHealthy);
}

// A flush that hangs holds up the writes that wait for its memory.
TEST_F(LeaderFitnessTest, AStallDoesNotHideADiskThatHangs) {
  vitals_.writes_stalled = true;
  for (vitals_.commits.committing_us = 0;
       vitals_.commits.committing_us < LeaderFitness::kStallExcusesUs;
       vitals_.commits.committing_us += kTickUs) {
    ASSERT_EQ(Look(), DiskHealth::kStalled);
  }
  // From now on the core counts for itself.
  EXPECT_EQ(Look(), DiskHealth::kHealthy);
  EXPECT_EQ(LookFor(LeaderFitness::kSlowForUs + kTickUs), DiskHealth::kSlow);
  EXPECT_EQ(fitness_.reason(), "the disk is slow");
  EXPECT_EQ(LookFor(60'000'000), DiskHealth::kSlow);
}

TEST_F(LeaderFitnessTest, AClockThatIsOffGivesLeadershipAway) {
  for (const int64_t sign : {1, -1}) {
    vitals_.clock_ahead_us = sign * LeaderFitness::kClockOffUsMax;
    EXPECT_EQ(LookFor(5'000'000), DiskHealth::kHealthy);
    vitals_.clock_ahead_us = sign * 12'500'000;
    EXPECT_EQ(LookFor(LeaderFitness::kClockOffForUs), DiskHealth::kHealthy);
    EXPECT_EQ(LookFor(2 * kTickUs), DiskHealth::kSlow);
    EXPECT_EQ(fitness_.reason(), sign > 0
                                     ? "the clock is off the nodes' median by "
                                       "12 s"
                                     : "the clock is off the nodes' median by "
                                       "-12 s");
    // Not to and fro.
    vitals_.clock_ahead_us = sign * 9'000'000;
    EXPECT_EQ(LookFor(5'000'000), DiskHealth::kSlow);
    vitals_.clock_ahead_us = sign * 4'000'000;
    EXPECT_EQ(Look(), DiskHealth::kHealthy);
  }
}

TEST_F(LeaderFitnessTest, AClockThatJumpsForAMomentIsNot) {
  for (int i = 0; i < 10; ++i) {
    vitals_.clock_ahead_us = 3'600'000'000;
    EXPECT_EQ(LookFor(500'000), DiskHealth::kHealthy);
    vitals_.clock_ahead_us = 0;
    EXPECT_EQ(Look(), DiskHealth::kHealthy);
  }
}

}  // namespace
}  // namespace kappa::server
