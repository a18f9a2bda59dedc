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

  bool Hold(raft::Message message) { return notices_.Hold(&message); }

  CommitNotices notices_;
};

TEST_F(CommitNoticesTest, WhatTellsOnlyACommitIsHeld) {
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].committed, LogIndex(11));
  EXPECT_TRUE(notices_.Release(Term(4)).empty());
}

TEST_F(CommitNoticesTest, ANewerOneTakesThePlaceOfAnOlderOne) {
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  EXPECT_TRUE(Hold(Request(kTwo, 12)));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].committed, LogIndex(12));
}

TEST_F(CommitNoticesTest, AMessageThatSaysAsMuchReplacesIt) {
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  notices_.NoteSent(Request(kTwo, 11, 1));
  EXPECT_TRUE(notices_.Release(Term(4)).empty());
}

TEST_F(CommitNoticesTest, AMessageThatSaysLessDoesNotReplaceIt) {
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  notices_.NoteSent(Request(kTwo, 10, 1));
  EXPECT_EQ(notices_.Release(Term(4)).size(), 1u);
}

TEST_F(CommitNoticesTest, EachReceiverHasItsOwn) {
  notices_.NoteSent(Request(kThree, 10, 1));
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  EXPECT_TRUE(Hold(Request(kThree, 11)));
  notices_.NoteSent(Request(kThree, 11, 1));
  const auto released = notices_.Release(Term(4));
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].to, kTwo);
}

TEST_F(CommitNoticesTest, WhoWasToldNothingYetIsToldAtOnce) {
  EXPECT_FALSE(Hold(Request(kThree, 11)));
}

TEST_F(CommitNoticesTest, ABeatIsNotHeld) {
  raft::Message heartbeat = Request(kTwo, 11);
  heartbeat.beat = 8;
  EXPECT_FALSE(Hold(heartbeat));
}

// The answer to a replica that asks who leads, and a probe: they say something
// else.
TEST_F(CommitNoticesTest, WhatTellsNoNewCommitIsNotHeld) {
  EXPECT_FALSE(Hold(Request(kTwo, 10)));
  EXPECT_FALSE(Hold(Request(kTwo, 9)));
}

TEST_F(CommitNoticesTest, WhatLeavesLateMakesNothingOlder) {
  raft::Message newer = Request(kTwo, 12, 1);
  newer.beat = 8;
  notices_.NoteSent(newer);
  notices_.NoteSent(Request(kTwo, 11));
  raft::Message notice = Request(kTwo, 13);
  notice.beat = 8;
  EXPECT_TRUE(Hold(notice));
}

TEST_F(CommitNoticesTest, WhatConfirmsReadsIsNotHeld) {
  raft::Message round = Request(kTwo, 11);
  round.read_round = 3;
  EXPECT_FALSE(Hold(round));
}

TEST_F(CommitNoticesTest, WhatSendsToSleepOrToADonorIsNotHeld) {
  raft::Message quiesce = Request(kTwo, 11);
  quiesce.quiesce = true;
  EXPECT_FALSE(Hold(quiesce));
  raft::Message donor = Request(kTwo, 11);
  donor.donor = kThree;
  EXPECT_FALSE(Hold(donor));
}

TEST_F(CommitNoticesTest, EntriesAndAnswersAreNotHeld) {
  EXPECT_FALSE(Hold(Request(kTwo, 11, 1)));
  raft::Message answer = Request(kTwo, 11);
  answer.type = raft::MessageType::kAppendResponse;
  EXPECT_FALSE(Hold(answer));
}

TEST_F(CommitNoticesTest, ANoticeOfAnEarlierTermNeverLeaves) {
  EXPECT_TRUE(Hold(Request(kTwo, 11)));
  EXPECT_TRUE(notices_.Release(Term(5)).empty());
  raft::Message later = Request(kTwo, 11);
  later.term = Term(5);
  EXPECT_FALSE(Hold(later));
}

}  // namespace
}  // namespace kappa::server
