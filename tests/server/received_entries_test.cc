#include "server/received_entries.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "storage/chain.h"
#include "storage/configuration_rows.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;

class ReceivedEntriesTest : public testing::Test {
 protected:
  ReceivedEntriesTest() {
    tail_.last = {Term(2), LogIndex(5)};
    tail_.end_offset = Offset(30);
    tail_.last_append_time_us = 1000;
    tail_.chain[0] = 9;
  }

  StoredEntry Batch() {
    StoredEntry entry;
    entry.header.kind = raft::EntryKind::kRecords;
    entry.header.encoding = storage::PayloadEncoding::kRecordSet;
    entry.header.record_count = 3;
    entry.header.producer_state = std::string(1000, 's');
    return Placed(std::move(entry), "some payload");
  }
  StoredEntry Configuration() {
    raft::Configuration configuration;
    configuration.voters = {{NodeId(1), Incarnation(1)}};
    StoredEntry entry;
    entry.header.kind = raft::EntryKind::kConfiguration;
    entry.header.encoding = storage::PayloadEncoding::kConfiguration;
    return Placed(std::move(entry),
                  storage::EncodeConfiguration(configuration));
  }
  StoredEntry Placed(StoredEntry entry, std::string payload) {
    entry.payload = Payload::FromString(std::move(payload));
    storage::EntryHeader& header = entry.header;
    header.payload_bytes = static_cast<uint32_t>(entry.payload.bytes());
    header.payload_crc32c = Crc32c(entry.payload);
    header.term = Term(3);
    header.index = tail_.last.index.Next();
    header.base_offset = tail_.end_offset;
    header.append_time_us = 1000;
    header.chain = storage::ChainNext(tail_.chain, header);
    return entry;
  }
  static raft::Message MessageWith(const StoredEntry& entry) {
    raft::Message message;
    message.entries.push_back(*MetaOf(entry));
    return message;
  }
  // In pieces of `bytes`.
  static Payload Cut(const std::string& content, size_t bytes) {
    auto owner = std::make_shared<const std::string>(content);
    std::vector<std::string_view> pieces;
    for (size_t at = 0; at < owner->size(); at += bytes) {
      pieces.push_back(std::string_view(*owner).substr(at, bytes));
    }
    return Payload(Payload::Pieces(pieces.begin(), pieces.end()), owner);
  }

  LogTail tail_;
};

TEST_F(ReceivedEntriesTest, EntriesArriveAsTheyWere) {
  for (const StoredEntry& sent : {Batch(), Configuration()}) {
    const std::string content = ContentOf(sent).ToString();
    for (size_t piece : {size_t{1}, size_t{7}, size_t{1500}, content.size()}) {
      const auto entries =
          DecodeEntries(MessageWith(sent), {Cut(content, piece)});
      ASSERT_TRUE(entries.ok()) << entries.status();
      EXPECT_EQ(entries->front().header, sent.header);
      EXPECT_EQ(entries->front().payload.ToString(), sent.payload.ToString());
    }
  }
}

TEST_F(ReceivedEntriesTest, AnyFlippedBitIsSeen) {
  for (const StoredEntry& sent : {Batch(), Configuration()}) {
    const raft::Message message = MessageWith(sent);
    const std::string content = ContentOf(sent).ToString();
    for (size_t bit = 0; bit < content.size() * 8; ++bit) {
      std::string damaged = content;
      damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      const auto entries =
          DecodeEntries(message, {Payload::FromString(damaged)});
      EXPECT_TRUE(absl::IsDataLoss(entries.status())) << "bit " << bit;
    }
  }
}

TEST_F(ReceivedEntriesTest, ContentThatIsCutOffOrTooLongIsRefused) {
  const StoredEntry sent = Batch();
  const std::string content = ContentOf(sent).ToString();
  for (size_t bytes = 0; bytes < content.size(); ++bytes) {
    EXPECT_FALSE(DecodeEntries(MessageWith(sent),
                               {Payload::FromString(content.substr(0, bytes))})
                     .ok());
  }
  EXPECT_FALSE(
      DecodeEntries(MessageWith(sent), {Payload::FromString(content + "x")})
          .ok());
  EXPECT_FALSE(DecodeEntries(MessageWith(sent), {}).ok());
}

TEST_F(ReceivedEntriesTest, TheMessageMustSayWhatTheHeaderSays) {
  const StoredEntry sent = Batch();
  const std::vector<Payload> contents = {ContentOf(sent)};
  raft::Message message = MessageWith(sent);
  raft::EntryMeta& told = message.entries.front();
  const raft::EntryMeta right = told;
  told.id.term = Term(2);
  EXPECT_FALSE(DecodeEntries(message, contents).ok());
  told = right;
  told.id.index = LogIndex(7);
  EXPECT_FALSE(DecodeEntries(message, contents).ok());
  told = right;
  told.record_count = 4;
  EXPECT_FALSE(DecodeEntries(message, contents).ok());
  told = right;
  told.payload_bytes = 1;
  EXPECT_FALSE(DecodeEntries(message, contents).ok());
  told = right;
  told.kind = raft::EntryKind::kNoOp;
  EXPECT_FALSE(DecodeEntries(message, contents).ok());
}

TEST_F(ReceivedEntriesTest, AnotherConfigurationThanTheStoredOneIsRefused) {
  const StoredEntry sent = Configuration();
  raft::Message message = MessageWith(sent);
  raft::Configuration other;
  other.voters = {{NodeId(2), Incarnation(1)}};
  message.entries.front().configuration =
      std::make_shared<const raft::Configuration>(other);
  EXPECT_FALSE(DecodeEntries(message, {ContentOf(sent)}).ok());
}

TEST_F(ReceivedEntriesTest, OnlyTheNextEntryOfTheSameHistoryFollows) {
  const storage::EntryHeader right = Batch().header;
  EXPECT_TRUE(CheckFollows(tail_, right).ok());
  storage::EntryHeader wrong = right;
  wrong.index = wrong.index.Next();
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
  wrong = right;
  wrong.term = Term(1);
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
  wrong = right;
  wrong.base_offset = Offset(31);
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
  wrong = right;
  wrong.append_time_us = 999;
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
  wrong = right;
  wrong.append_time_us = 1001;  // the chain covers it
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
  wrong = right;
  wrong.chain[31] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(CheckFollows(tail_, wrong)));
}

}  // namespace
}  // namespace kappa::server
