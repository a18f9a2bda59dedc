#include "storage/segment_rewriter.h"

#include <filesystem>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "storage/sealer.h"
#include "tests/storage/segment_fixture.h"

namespace kappa::storage {
namespace {

class SegmentRewriterTest : public SegmentFixture {
 protected:
  std::shared_ptr<SealedSegment> Create(const SealedRow& row) {
    return SealedSegment::Create(sealer_options_.sealed_root, row,
                                 readers_.get());
  }

  SealedRow Seal(const std::vector<SegmentRange>& visible) {
    return *Sealer(sealer_options_)
                .Seal(db_.get(), family_, SegmentNumber(1), visible);
  }

  // Expects exactly [first, last] of a replica.
  void ExpectEntries(const SealedSegment& segment, uint64_t replica,
                     uint64_t first, uint64_t last, size_t bytes) {
    SealedCursor cursor = segment.Scan(ReplicaNumber(replica), LogIndex(0),
                                       LogIndex(1'000'000), ReadClass::kPoint);
    for (uint64_t index = first; index <= last; ++index) {
      ASSERT_TRUE(cursor.Valid()) << index << ": " << cursor.status();
      ASSERT_EQ(cursor.index(), LogIndex(index));
      ASSERT_EQ(cursor.value(), ValueOf(replica, index, bytes));
      cursor.Next();
    }
    EXPECT_FALSE(cursor.Valid());
  }
};

uint64_t BytesOf(const SealedRow& row) {
  uint64_t bytes = 0;
  for (const SealedFile& file : row.files) bytes += file.bytes;
  return bytes;
}

TEST_F(SegmentRewriterTest, KeepsOnlyWhatIsVisible) {
  for (uint64_t replica = 1; replica <= 4; ++replica) {
    PutEntries(replica, 1, 100, 1000);
  }
  const SealedRow row = Seal({RangeOf(1, 1, 100), RangeOf(2, 1, 100),
                              RangeOf(3, 1, 100), RangeOf(4, 1, 100)});
  // 1 was dropped, 2 was truncated, 3 has a base; 4 is whole.
  const std::vector<SegmentRange> visible = {
      RangeOf(2, 1, 50), RangeOf(3, 81, 100), RangeOf(4, 1, 100)};
  const auto before = Create(row);
  const auto rewritten =
      SegmentRewriter(sealer_options_).Rewrite(*before, visible);
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_EQ(rewritten->generation, 1u);
  ASSERT_EQ(rewritten->replicas.size(), 3u);
  EXPECT_EQ(rewritten->replicas[1].entries, 20u);
  EXPECT_LT(BytesOf(*rewritten), BytesOf(row) * 170 / 400 * 115 / 100);
  const auto after = Create(*rewritten);
  ExpectEntries(*after, 1, 1, 0, 1000);
  ExpectEntries(*after, 2, 1, 50, 1000);
  ExpectEntries(*after, 3, 81, 100, 1000);
  ExpectEntries(*after, 4, 1, 100, 1000);
  ExpectEntries(*before, 1, 1, 100, 1000);
}

TEST_F(SegmentRewriterTest, RewritesLinkedFilesOrderedByKeys) {
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 300);
  PutEntries(2, 1, 60, 300);
  Flush();
  PutEntries(1, 31, 90, 300);
  const SealedRow row = Seal({RangeOf(1, 1, 90), RangeOf(2, 1, 60)});
  ASSERT_FALSE(row.runs.empty());
  // Restored under other numbers: 9 carries the keys of 1.
  SegmentRange renamed = RangeOf(1, 1, 90);
  renamed.replica = ReplicaNumber(9);
  const auto rewritten =
      SegmentRewriter(sealer_options_)
          .Rewrite(*Create(row),
                   std::vector<SegmentRange>{RangeOf(2, 1, 60), renamed});
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_TRUE(rewritten->runs.empty());
  EXPECT_EQ(rewritten->replicas.back().replica, ReplicaNumber(9));
  EXPECT_EQ(rewritten->replicas.back().key_replica, ReplicaNumber(1));
  ExpectEntries(*Create(*rewritten), 1, 1, 90, 300);
  ExpectEntries(*Create(*rewritten), 2, 1, 60, 300);
}

// Linked files hold everything that was flushed, also of replicas that were
// dropped before the seal, whom no row names.
TEST_F(SegmentRewriterTest, WhatDiedBeforeALinkCountsAsDead) {
  sealer_options_.link_run_bytes_min = 1;
  for (uint64_t replica = 1; replica <= 4; ++replica) {
    PutEntries(replica, 1, 400, 10'000);
  }
  Flush();
  SegmentDirectory directory;
  for (uint64_t replica = 1; replica <= 4; ++replica) {
    directory.AddReplica(ReplicaNumber(replica), LogIndex(0));
  }
  directory.PutSealed(Seal({RangeOf(1, 1, 400), RangeOf(2, 1, 400),
                            RangeOf(3, 1, 400), RangeOf(4, 1, 400)}));
  EXPECT_EQ(DeadestSegment(directory.SealedUsage()), std::nullopt);

  const SealedRow row = Seal({RangeOf(2, 1, 400), RangeOf(4, 1, 400)});
  ASSERT_FALSE(row.runs.empty());
  directory.DropReplica(ReplicaNumber(1));
  directory.DropReplica(ReplicaNumber(3));
  directory.PutSealed(row);
  EXPECT_EQ(DeadestSegment(directory.SealedUsage()), SegmentNumber(1));
  const SegmentUsage usage = directory.SealedUsage().at(0);
  EXPECT_NEAR(static_cast<double>(usage.dead_bytes()), 8e6, 1e6);

  const auto rewritten =
      SegmentRewriter(sealer_options_)
          .Rewrite(*Create(row), std::vector<SegmentRange>{RangeOf(2, 1, 400),
                                                           RangeOf(4, 1, 400)});
  directory.PutSealed(*rewritten);
  EXPECT_EQ(DeadestSegment(directory.SealedUsage()), std::nullopt);
}

TEST_F(SegmentRewriterTest, CopiesMoreThanOneCursorReaches) {
  PutEntries(1, 1, 200, 100'000);
  const SealedRow row = Seal({RangeOf(1, 1, 200)});
  const auto rewritten =
      SegmentRewriter(sealer_options_)
          .Rewrite(*Create(row), std::vector<SegmentRange>{RangeOf(1, 2, 200)});
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  ExpectEntries(*Create(*rewritten), 1, 2, 200, 100'000);
}

TEST_F(SegmentRewriterTest, ADamagedSegmentIsLeftAsItIs) {
  PutEntries(1, 1, 100, 5000);
  const SealedRow row = Seal({RangeOf(1, 1, 100)});
  FlipBit(FilesOf("0000000000000001-0")[0], 250'000);
  EXPECT_EQ(
      SegmentRewriter(sealer_options_)
          .Rewrite(*Create(row), std::vector<SegmentRange>{RangeOf(1, 1, 99)})
          .status()
          .code(),
      absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(sealer_options_.sealed_root +
                                       "/0000000000000001-1"));
  EXPECT_EQ(FilesOf("0000000000000001-0").size(), 1u);
}

TEST_F(SegmentRewriterTest, ASegmentWithoutLifeHasNoFiles) {
  PutEntries(1, 1, 10);
  const SealedRow row = Seal({RangeOf(1, 1, 10)});
  const auto rewritten =
      SegmentRewriter(sealer_options_).Rewrite(*Create(row), {});
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_TRUE(rewritten->files.empty());
}

TEST(DeadestSegmentTest, PicksTheLargestShareAboveTheLimit) {
  const SegmentNumber one(1);
  const SegmentNumber two(2);
  const SegmentNumber three(3);
  EXPECT_EQ(DeadestSegment(std::vector<SegmentUsage>{}), std::nullopt);
  EXPECT_EQ(DeadestSegment(std::vector<SegmentUsage>{{one, 1000, 901}}),
            std::nullopt);
  EXPECT_EQ(DeadestSegment(std::vector<SegmentUsage>{
                {one, 1000, 899}, {two, 100, 50}, {three, 0, 0}}),
            two);
}

}  // namespace
}  // namespace kappa::storage
