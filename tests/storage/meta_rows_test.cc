// Rows of the family `meta`: what is written is read, and damage is seen.
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "storage/cycle_row.h"
#include "storage/group_row.h"
#include "storage/keys.h"
#include "storage/replica_row.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

Digest DigestOf(uint8_t byte) {
  Digest digest;
  digest.fill(byte);
  return digest;
}

ReplicaPosition Position() {
  ReplicaPosition position;
  position.hard_state.term = Term(7);
  position.hard_state.vote = ReplicaId{NodeId(3), Incarnation(2)};
  position.base.id = {Term(4), LogIndex(40)};
  position.base.offset = Offset(400);
  position.base.chain = DigestOf(4);
  position.base.append_time_us = -5;
  position.base.configuration.voters = {{NodeId(1), Incarnation(1)},
                                        {NodeId(2), Incarnation(5)}};
  position.base.configuration.outgoing_voters = {{NodeId(9), Incarnation(1)}};
  position.base.configuration.learners = {{NodeId(3), Incarnation(2)}};
  position.last = {Term(6), LogIndex(60)};
  position.end_offset = Offset(660);
  position.chain = DigestOf(6);
  position.last_append_time_us = int64_t{1} << 50;
  return position;
}

// Every prefix and every single changed bit must be refused.
void ExpectDamageIsSeen(
    const std::string& row,
    const std::function<absl::Status(const std::string&)>& decode) {
  EXPECT_TRUE(decode(row).ok());
  for (size_t bytes = 0; bytes < row.size(); ++bytes) {
    EXPECT_TRUE(absl::IsDataLoss(decode(row.substr(0, bytes))));
  }
  for (size_t bit = 0; bit < 8 * row.size(); ++bit) {
    std::string damaged = row;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(absl::IsDataLoss(decode(damaged))) << "bit " << bit;
  }
  EXPECT_TRUE(absl::IsDataLoss(decode(row + '\0')));
}

TEST(MetaRowsTest, CycleRow) {
  const CycleRow row{12, DigestOf(1), DigestOf(2)};
  EXPECT_EQ(*DecodeCycleRow(EncodeCycleRow(row)), row);
  ExpectDamageIsSeen(EncodeCycleRow(row), [](const std::string& bytes) {
    return DecodeCycleRow(bytes).status();
  });
}

TEST(MetaRowsTest, OpenRow) {
  const OpenRow row{~uint64_t{0} - 5, 17};
  EXPECT_EQ(*DecodeOpenRow(EncodeOpenRow(row)), row);
  ExpectDamageIsSeen(EncodeOpenRow(row), [](const std::string& bytes) {
    return DecodeOpenRow(bytes).status();
  });
}

TEST(MetaRowsTest, FloorRow) {
  EXPECT_EQ(*DecodeFloorRow(EncodeFloorRow(99)), 99u);
  ExpectDamageIsSeen(EncodeFloorRow(99), [](const std::string& bytes) {
    return DecodeFloorRow(bytes).status();
  });
}

TEST(MetaRowsTest, GroupRow) {
  EXPECT_EQ(*DecodeGroupRow(EncodeGroupRow(Position())), Position());
  ReplicaPosition no_vote = Position();
  no_vote.hard_state.vote.reset();
  EXPECT_EQ(*DecodeGroupRow(EncodeGroupRow(no_vote)), no_vote);
  ExpectDamageIsSeen(EncodeGroupRow(Position()), [](const std::string& bytes) {
    return DecodeGroupRow(bytes).status();
  });
}

// A configuration with more than the first format could hold.
raft::Configuration Joint() {
  raft::Configuration configuration = Position().base.configuration;
  configuration.learners_next = {{NodeId(9), Incarnation(1)}};
  configuration.promoting = configuration.learners;
  configuration.auto_leave = true;
  return configuration;
}

TEST(MetaRowsTest, TheNewerFormatIsWrittenOnlyWhereItIsNeeded) {
  EXPECT_EQ(EncodeGroupRow(Position())[0], '\1');
  ReplicaPosition joint = Position();
  joint.base.configuration = Joint();
  EXPECT_EQ(EncodeGroupRow(joint)[0], '\2');
  EXPECT_EQ(*DecodeGroupRow(EncodeGroupRow(joint)), joint);
  ReplicaPosition with_state = Position();
  with_state.base.state_bytes = 99;
  EXPECT_EQ(EncodeGroupRow(with_state)[0], '\2');
  EXPECT_EQ(*DecodeGroupRow(EncodeGroupRow(with_state)), with_state);
  ExpectDamageIsSeen(EncodeGroupRow(joint), [](const std::string& bytes) {
    return DecodeGroupRow(bytes).status();
  });
  ReplicaRow row;
  row.spec = SpecOfGroup(5);
  row.spec.configuration = Joint();
  EXPECT_EQ(DecodeReplicaRow(EncodeReplicaRow(row))->spec.configuration,
            Joint());
}

TEST(MetaRowsTest, ReplicaRow) {
  ReplicaRow row;
  row.spec = SpecOfGroup(5);
  for (const bool dropped : {false, true}) {
    row.dropped = dropped;
    const auto decoded = DecodeReplicaRow(EncodeReplicaRow(row));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->dropped, dropped);
    EXPECT_EQ(decoded->spec.group, row.spec.group);
    EXPECT_EQ(decoded->spec.self, row.spec.self);
    EXPECT_EQ(decoded->spec.configuration, row.spec.configuration);
    EXPECT_EQ(decoded->spec.chain_start, row.spec.chain_start);
  }
  ExpectDamageIsSeen(EncodeReplicaRow(row), [](const std::string& bytes) {
    return DecodeReplicaRow(bytes).status();
  });
}

// The bytes on disk, written down by hand: a later build must read them.
TEST(MetaRowsTest, FormatOfACycleRow) {
  std::string expected(1, '\1');                     // format version
  expected += std::string("\x0c\0\0\0\0\0\0\0", 8);  // number
  expected += std::string(32, '\1') + std::string(32, '\2');
  const std::string row = EncodeCycleRow({12, DigestOf(1), DigestOf(2)});
  EXPECT_EQ(row.substr(0, row.size() - 4), expected);
}

TEST(KeysTest, SortAsTheirNumbersDo) {
  const auto key = [](uint64_t replica, uint64_t index) {
    return std::string(
        EntryKey(ReplicaNumber(replica), LogIndex(index)).view());
  };
  EXPECT_LT(key(1, 255), key(1, 256));
  EXPECT_LT(key(1, ~uint64_t{0}), key(2, 0));
  EXPECT_LT(key(255, 0), key(256, 0));
  EXPECT_EQ(ReplicaOfKey(key(7, 9)), ReplicaNumber(7));
  EXPECT_EQ(IndexOfKey(key(7, 9)), LogIndex(9));
  EXPECT_LT(MetaKey(MetaRow::kCycle, 255), MetaKey(MetaRow::kCycle, 256));
  const std::string directory = MetaKey(MetaRow::kDirectory, 3, 4);
  EXPECT_EQ(NumberOfMetaKey(directory, 0), 3u);
  EXPECT_EQ(NumberOfMetaKey(directory, 1), 4u);
}

}  // namespace
}  // namespace kappa::storage
