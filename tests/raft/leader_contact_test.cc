#include "raft/leader_contact.h"

#include <gtest/gtest.h>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

constexpr uint32_t kElectionTicks = 10;

Message Called(uint64_t term, uint64_t beat) {
  Message request = VoteRequest(2, 1, term, At(1, 1));
  request.transfer = true;
  request.beat = beat;
  return request;
}

TEST(LeaderContactTest, IsRecentForAnElectionTime) {
  LeaderContact contact(kElectionTicks, /*promised=*/false);
  EXPECT_FALSE(contact.recent());
  contact.Hear(Term(2), 7, kElectionTicks);
  for (int i = 0; i < 9; ++i) contact.Tick();
  EXPECT_TRUE(contact.recent());
  contact.Tick();
  EXPECT_FALSE(contact.recent());
  for (int i = 0; i < 100; ++i) contact.Tick();
  contact.Hear(Term(2), 8, kElectionTicks);
  EXPECT_TRUE(contact.recent());
}

TEST(LeaderContactTest, AStartCountsAsContactWherePromisesMayBeOpen) {
  LeaderContact contact(kElectionTicks, /*promised=*/true);
  EXPECT_TRUE(contact.recent());
  for (int i = 0; i < 10; ++i) contact.Tick();
  EXPECT_FALSE(contact.recent());
}

TEST(LeaderContactTest, OnlyARecentCallOfTheLeaderLiftsIt) {
  LeaderContact contact(kElectionTicks, false);
  contact.Hear(Term(4), 30, kElectionTicks);
  contact.Hear(Term(4), 25, kElectionTicks);  // late
  EXPECT_FALSE(
      contact.CalledByLeader(VoteRequest(2, 1, 5, At(1, 1)), kElectionTicks));
  EXPECT_TRUE(contact.CalledByLeader(Called(5, 21), kElectionTicks));
  EXPECT_FALSE(contact.CalledByLeader(Called(5, 20), kElectionTicks));
  // Called by the leader of a later term than the one heard here.
  EXPECT_TRUE(contact.CalledByLeader(Called(7, 1), kElectionTicks));
  EXPECT_FALSE(contact.CalledByLeader(Called(4, 30), kElectionTicks));
  Message call = MessageOf(MessageType::kTimeoutNow, 3, 1, 4);
  call.beat = 20;
  EXPECT_FALSE(contact.StillCalls(call, kElectionTicks));
  call.beat = 21;
  EXPECT_TRUE(contact.StillCalls(call, kElectionTicks));
  call.term = Term(5);
  call.beat = 1;
  EXPECT_TRUE(contact.StillCalls(call, kElectionTicks));
}

TEST(LeaderContactTest, NoCallLiftsWhatAFormerProcessPromised) {
  LeaderContact contact(kElectionTicks, /*promised=*/true);
  Message call = MessageOf(MessageType::kTimeoutNow, 3, 1, 4);
  call.beat = 20;
  EXPECT_FALSE(contact.StillCalls(call, kElectionTicks));
  EXPECT_FALSE(contact.CalledByLeader(Called(5, 20), kElectionTicks));
  contact.Hear(Term(4), 20, kElectionTicks);  // may have been long on its way
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(contact.StillCalls(call, kElectionTicks));
    EXPECT_FALSE(contact.CalledByLeader(Called(5, 20), kElectionTicks));
    contact.Tick();
  }
  EXPECT_TRUE(contact.StillCalls(call, kElectionTicks));
  EXPECT_TRUE(contact.CalledByLeader(Called(5, 20), kElectionTicks));
}

TEST(LeaderContactTest, EachTermCountsItsOwnBeats) {
  LeaderContact contact(kElectionTicks, false);
  contact.Hear(Term(4), 300, kElectionTicks);
  contact.Hear(Term(5), 2, kElectionTicks);
  EXPECT_EQ(contact.beat(), 2u);
  EXPECT_TRUE(contact.CalledByLeader(Called(6, 1), kElectionTicks));
}

}  // namespace
}  // namespace kappa::raft
