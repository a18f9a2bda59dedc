#include "raft/quorum_contact.h"

#include <gtest/gtest.h>

namespace kappa::raft {
namespace {

TEST(QuorumContactTest, IsLostAnElectionTimeAfterTheNewestAnsweredBeat) {
  QuorumContact contact(5);
  EXPECT_FALSE(contact.Lost(14, 10));
  EXPECT_TRUE(contact.Lost(15, 10));
  contact.Record(8);
  contact.Record(6);  // late
  EXPECT_FALSE(contact.Lost(17, 10));
  EXPECT_TRUE(contact.Lost(18, 10));
}

TEST(QuorumContactTest, ALeaseCountsFromTheSending) {
  QuorumContact contact(1);
  EXPECT_FALSE(contact.HoldsLease(1, 5));
  contact.Record(3);
  EXPECT_TRUE(contact.HoldsLease(7, 5));
  EXPECT_FALSE(contact.HoldsLease(8, 5));
  EXPECT_FALSE(contact.HoldsLease(4, 0));
}

TEST(QuorumContactTest, NoLeaseFromBeatsBeforeAVoterWasReleased) {
  QuorumContact contact(1);
  contact.Record(3);
  contact.NoLeaseBefore(13);
  EXPECT_FALSE(contact.HoldsLease(4, 5));
  contact.Record(12);
  EXPECT_FALSE(contact.HoldsLease(13, 5));
  contact.Record(13);
  EXPECT_TRUE(contact.HoldsLease(13, 5));
}

TEST(QuorumContactTest, WhileTimeStoodStillNothingWasAnswered) {
  QuorumContact contact(1);
  contact.Record(3);
  contact.Restart(4);
  EXPECT_FALSE(contact.HoldsLease(4, 5));
  EXPECT_FALSE(contact.Lost(13, 10));
  EXPECT_TRUE(contact.Lost(14, 10));
}

}  // namespace
}  // namespace kappa::raft
