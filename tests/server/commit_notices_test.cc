#include "server/commit_notices.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr ReplicaId kTwo{NodeId(2), Incarnation(1)};
constexpr ReplicaId kThree{NodeId(3), Incarnation(1)};

raft::Message Request(ReplicaId to, uint64_t committed, uint64_t entries = 0) {
  raft::Message message;
  message.type = raft::MessageType::kAppendRequest;
  message.to = to;
  message.term = Term(4);
  message.beat = 7;
  message.read_round = 2;
  message.committed = LogIndex(committed);
  message.entries.resize(entries);
  return message;
}

class CommitNoticesTest : public testing::Test {
 protected:
  CommitNoticesTest() { notices_.NoteSent(Request(kTwo, 10, 1)); }

  CommitNotices notices_;
};

TEST_F(CommitNoticesTest, WhatTellsOnlyACommitIsHeld) {
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].committed, LogIndex(11));
  EXPECT_TRUE(notices_.Release(Term(4)).empty());
}

TEST_F(CommitNoticesTest, ANewerOneTakesThePlaceOfAnOlderOne) {
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 12)));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].committed, LogIndex(12));
}

TEST_F(CommitNoticesTest, AMessageThatSaysAsMuchReplacesIt) {
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  notices_.NoteSent(Request(kTwo, 11, 1));
  EXPECT_TRUE(notices_.Release(Term(4)).empty());
}

TEST_F(CommitNoticesTest, AMessageThatSaysLessDoesNotReplaceIt) {
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  notices_.NoteSent(Request(kTwo, 10, 1));
  EXPECT_EQ(notices_.Release(Term(4)).size(), 1u);
}

TEST_F(CommitNoticesTest, EachReceiverHasItsOwn) {
  notices_.NoteSent(Request(kThree, 10, 1));
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  EXPECT_TRUE(notices_.Hold(Request(kThree, 11)));
  notices_.NoteSent(Request(kThree, 11, 1));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].to, kTwo);
}

TEST_F(CommitNoticesTest, WhoWasToldNothingYetIsToldAtOnce) {
  EXPECT_FALSE(notices_.Hold(Request(kThree, 11)));
}

TEST_F(CommitNoticesTest, ABeatIsNotHeld) {
  raft::Message heartbeat = Request(kTwo, 11);
  heartbeat.beat = 8;
  EXPECT_FALSE(notices_.Hold(heartbeat));
}

TEST_F(CommitNoticesTest, WhatConfirmsReadsIsNotHeld) {
  raft::Message round = Request(kTwo, 11);
  round.read_round = 3;
  EXPECT_FALSE(notices_.Hold(round));
}

TEST_F(CommitNoticesTest, WhatSendsToSleepOrToADonorIsNotHeld) {
  raft::Message quiesce = Request(kTwo, 11);
  quiesce.quiesce = true;
  EXPECT_FALSE(notices_.Hold(quiesce));
  raft::Message donor = Request(kTwo, 11);
  donor.donor = kThree;
  EXPECT_FALSE(notices_.Hold(donor));
}

TEST_F(CommitNoticesTest, EntriesAndAnswersAreNotHeld) {
  EXPECT_FALSE(notices_.Hold(Request(kTwo, 11, 1)));
  raft::Message answer = Request(kTwo, 11);
  answer.type = raft::MessageType::kAppendResponse;
  EXPECT_FALSE(notices_.Hold(answer));
}

TEST_F(CommitNoticesTest, ANoticeOfAnEarlierTermNeverLeaves) {
  EXPECT_TRUE(notices_.Hold(Request(kTwo, 11)));
  EXPECT_TRUE(notices_.Release(Term(5)).empty());
  raft::Message later = Request(kTwo, 11);
  later.term = Term(5);
  EXPECT_FALSE(notices_.Hold(later));
}

}  // namespace
}  // namespace kappa::server
