#include "server/outgoing_messages.h"

#include <map>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using raft::MessageType;
using storage::StoredEntry;

constexpr ReplicaId kOne{NodeId(1), Incarnation(1)};
constexpr ReplicaId kTwo{NodeId(2), Incarnation(1)};

StoredEntry EntryAt(uint64_t index, uint64_t term = 1) {
  StoredEntry entry;
  entry.header.kind = raft::EntryKind::kRecords;
  entry.header.encoding = storage::PayloadEncoding::kRecordSet;
  entry.header.record_count = 1;
  entry.header.term = Term(term);
  entry.header.index = LogIndex(index);
  entry.header.payload_bytes = 100;
  entry.payload = Payload::FromString(std::string(100, 'x'));
  return entry;
}

// Memory holds entries from 10 on.
class OutgoingMessagesTest : public testing::Test {
 protected:
  OutgoingMessagesTest() : outgoing_(250) {
    for (uint64_t index = 10; index <= 15; ++index) {
      memory_[LogIndex(index)] = EntryAt(index);
    }
  }

  void Add(ReplicaId to, uint64_t first, uint64_t last,
           MessageType type = MessageType::kAppendRequest) {
    raft::Message message;
    message.type = type;
    message.to = to;
    message.term = Term(1);
    for (uint64_t index = first; index <= last; ++index) {
      message.entries.emplace_back().id = {Term(1), LogIndex(index)};
    }
    outgoing_.Add(std::move(message),
                  [this](LogIndex index) -> const StoredEntry* {
                    const auto found = memory_.find(index);
                    return found == memory_.end() ? nullptr : &found->second;
                  });
  }
  static std::vector<StoredEntry> Entries(uint64_t first, uint64_t last,
                                          uint64_t term = 1) {
    std::vector<StoredEntry> entries;
    for (uint64_t index = first; index <= last; ++index) {
      entries.push_back(EntryAt(index, term));
    }
    return entries;
  }
  // First and last index of each message that can leave.
  std::vector<std::pair<uint64_t, uint64_t>> Taken(uint64_t term = 1) {
    std::vector<std::pair<uint64_t, uint64_t>> taken;
    for (const GroupMessage& sent : outgoing_.TakeMessages(Term(term))) {
      const auto& entries = sent.message.entries;
      EXPECT_EQ(sent.contents.size(), entries.size());
      if (entries.empty()) {
        taken.emplace_back(0, 0);
        continue;
      }
      EXPECT_EQ(entries.front().record_count, 1u);
      taken.emplace_back(entries.front().id.index.value(),
                         entries.back().id.index.value());
    }
    return taken;
  }

  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  std::map<LogIndex, StoredEntry> memory_;
  OutgoingMessages outgoing_;
};

TEST_F(OutgoingMessagesTest, WhatMemoryHoldsLeavesAtOnce) {
  Add(kOne, 10, 12);
  EXPECT_EQ(Taken(), (Ranges{{10, 12}}));
  EXPECT_TRUE(outgoing_.TakeReads().empty());
}

TEST_F(OutgoingMessagesTest, OlderEntriesAreReadFirst) {
  Add(kOne, 8, 11);
  EXPECT_EQ(Taken(), Ranges{});
  const std::vector<LogRead> reads = outgoing_.TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].from, LogIndex(8));
  EXPECT_EQ(reads[0].last, LogIndex(9));
  memory_.clear();  // committed and gone meanwhile
  outgoing_.OnRead(reads[0].id, Entries(8, 9));
  EXPECT_EQ(Taken(), (Ranges{{8, 11}}));
}

TEST_F(OutgoingMessagesTest, ARequestThatWasReadInPartIsReadToItsEnd) {
  Add(kOne, 6, 10);
  outgoing_.OnRead(outgoing_.TakeReads().front().id, Entries(6, 7));
  EXPECT_EQ(Taken(), Ranges{});
  const std::vector<LogRead> reads = outgoing_.TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].from, LogIndex(8));
  outgoing_.OnRead(reads[0].id, Entries(8, 9));
  EXPECT_EQ(Taken(), (Ranges{{6, 10}}));
}

TEST_F(OutgoingMessagesTest, RequestsToOneReplicaStayInOrder) {
  Add(kOne, 8, 9);
  Add(kOne, 10, 11);
  Add(kTwo, 10, 12);
  EXPECT_EQ(Taken(), (Ranges{{10, 12}}));
  outgoing_.OnRead(outgoing_.TakeReads().front().id, Entries(8, 9));
  EXPECT_EQ(Taken(), (Ranges{{8, 9}, {10, 11}}));
}

TEST_F(OutgoingMessagesTest, AHeartbeatWaitsForNothing) {
  Add(kOne, 8, 9);
  Add(kOne, 1, 0);
  EXPECT_EQ(Taken(), (Ranges{{0, 0}}));
}

TEST_F(OutgoingMessagesTest, AFetchResponseIsCutAtItsLimit) {
  Add(kOne, 1, 9, MessageType::kFetchResponse);
  const std::vector<LogRead> reads = outgoing_.TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].bytes_max, 250u);
  outgoing_.OnRead(reads[0].id, Entries(1, 3));
  EXPECT_EQ(Taken(), (Ranges{{1, 3}}));
  Add(kOne, 10, 15, MessageType::kFetchResponse);
  EXPECT_EQ(Taken(), (Ranges{{10, 12}}));
  Add(kOne, 9, 15, MessageType::kFetchResponse);
  outgoing_.OnRead(outgoing_.TakeReads().front().id, Entries(9, 9));
  EXPECT_EQ(Taken(), (Ranges{{9, 11}}));
}

TEST_F(OutgoingMessagesTest, WhatCannotBeReadIsDroppedAndHoldsNothingUp) {
  Add(kOne, 8, 9);
  Add(kOne, 10, 11);
  outgoing_.OnRead(outgoing_.TakeReads().front().id,
                   absl::UnavailableError("too many open files"));
  EXPECT_EQ(Taken(), (Ranges{{10, 11}}));
}

TEST_F(OutgoingMessagesTest, AnEntryThatWasReplacedIsNotSent) {
  Add(kOne, 8, 9);
  outgoing_.OnRead(outgoing_.TakeReads().front().id, Entries(8, 9, 2));
  EXPECT_EQ(Taken(), Ranges{});
  memory_[LogIndex(12)] = EntryAt(12, 2);
  Add(kOne, 10, 12);
  EXPECT_EQ(Taken(), Ranges{});
}

TEST_F(OutgoingMessagesTest, WhatAnEarlierTermWantedToSayIsDropped) {
  Add(kOne, 8, 9);
  const uint64_t read = outgoing_.TakeReads().front().id;
  EXPECT_EQ(Taken(2), Ranges{});
  outgoing_.OnRead(read, Entries(8, 9));
  EXPECT_EQ(Taken(2), Ranges{});
}

TEST_F(OutgoingMessagesTest, NoMoreThanTheLimitWaits) {
  for (size_t i = 0; i < OutgoingMessages::kWaitingMax + 10; ++i) {
    Add(kOne, 8, 9);
  }
  EXPECT_EQ(outgoing_.TakeReads().size(), OutgoingMessages::kWaitingMax);
}

// --- notices ---

class HeldNoticesTest : public testing::Test {
 protected:
  HeldNoticesTest() {
    Add(Request(MessageType::kAppendRequest, 3));  // a heartbeat
    outgoing_.TakeMessages(Term(1));
    Add(Request(MessageType::kAppendRequest, 4));
  }

  static raft::Message Request(MessageType type, uint64_t committed) {
    raft::Message message;
    message.type = type;
    message.to = kTwo;
    message.term = Term(1);
    message.committed = LogIndex(committed);
    return message;
  }
  void Add(raft::Message message) {
    outgoing_.Add(std::move(message),
                  [](LogIndex) -> const StoredEntry* { return nullptr; });
  }

  OutgoingMessages outgoing_{250, /*holds_notices=*/true};
  uint64_t committed_ = 4;
};

TEST_F(HeldNoticesTest, WaitUntilTheyAreReleased) {
  EXPECT_TRUE(outgoing_.holds_notice());
  EXPECT_TRUE(outgoing_.TakeMessages(Term(1)).empty());
  outgoing_.ReleaseNotices(Term(1));
  EXPECT_FALSE(outgoing_.holds_notice());
  const auto messages = outgoing_.TakeMessages(Term(1));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].message.committed, LogIndex(4));
}

// Whether the commit is told by the core before or after them.
TEST_F(HeldNoticesTest, GoAheadOfAReadPointAndOfACallToCampaign) {
  for (const MessageType type :
       {MessageType::kReadResponse, MessageType::kTimeoutNow}) {
    for (const bool later : {false, true}) {
      const uint64_t committed = ++committed_;
      if (later) Add(Request(type, 0));
      Add(Request(MessageType::kAppendRequest, committed));
      if (!later) Add(Request(type, 0));
      const auto messages = outgoing_.TakeMessages(Term(1));
      ASSERT_EQ(messages.size(), 2u);
      EXPECT_EQ(messages[0].message.committed, LogIndex(committed));
      EXPECT_EQ(messages[1].message.type, type);
    }
  }
}

}  // namespace
}  // namespace kappa::server
