#include "raft/leader_contact.h"

#include <gtest/gtest.h>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

Message Called(uint64_t term, uint64_t beat) {
  Message request = VoteRequest(2, 1, term, At(1, 1));
  request.transfer = true;
  request.beat = beat;
  return request;
}

TEST(LeaderContactTest, IsRecentForAnElectionTime) {
  LeaderContact contact(3, /*promised=*/false);
  EXPECT_FALSE(contact.recent());
  contact.Hear(Term(2), 7);
  for (int i = 0; i < 2; ++i) contact.Tick();
  EXPECT_TRUE(contact.recent());
  contact.Tick();
  EXPECT_FALSE(contact.recent());
  for (int i = 0; i < 100; ++i) contact.Tick();
  contact.Hear(Term(2), 8);
  EXPECT_TRUE(contact.recent());
}

TEST(LeaderContactTest, AStartCountsAsContactWherePromisesMayBeOpen) {
  LeaderContact contact(3, /*promised=*/true);
  EXPECT_TRUE(contact.recent());
  for (int i = 0; i < 3; ++i) contact.Tick();
  EXPECT_FALSE(contact.recent());
}

TEST(LeaderContactTest, OnlyARecentCallOfTheLeaderLiftsIt) {
  LeaderContact contact(10, false);
  contact.Hear(Term(4), 30);
  contact.Hear(Term(4), 25);  // late
  EXPECT_FALSE(contact.CalledByLeader(VoteRequest(2, 1, 5, At(1, 1))));
  EXPECT_TRUE(contact.CalledByLeader(Called(5, 21)));
  EXPECT_FALSE(contact.CalledByLeader(Called(5, 20)));
  // Called by the leader of a later term than the one heard here.
  EXPECT_TRUE(contact.CalledByLeader(Called(7, 1)));
  EXPECT_FALSE(contact.CalledByLeader(Called(4, 30)));
  Message call = MessageOf(MessageType::kTimeoutNow, 3, 1, 4);
  call.beat = 20;
  EXPECT_FALSE(contact.StillCalls(call));
  call.beat = 21;
  EXPECT_TRUE(contact.StillCalls(call));
  call.term = Term(5);
  call.beat = 1;
  EXPECT_TRUE(contact.StillCalls(call));
}

TEST(LeaderContactTest, EachTermCountsItsOwnBeats) {
  LeaderContact contact(10, false);
  contact.Hear(Term(4), 300);
  contact.Hear(Term(5), 2);
  EXPECT_EQ(contact.beat(), 2u);
  EXPECT_TRUE(contact.CalledByLeader(Called(6, 1)));
}

}  // namespace
}  // namespace kappa::raft
