#include "raft/generation_table.h"

#include "gtest/gtest.h"

namespace kappa::raft {
namespace {

using Evidence = std::vector<Generation>;

Uuid Disk(uint8_t number) {
  Uuid disk{};
  disk[0] = number;
  return disk;
}

TEST(GenerationTableTest, KeepsTheHighestCycleOfAnOpen) {
  GenerationTable table;
  EXPECT_TRUE(table.Record(Disk(1), {71, 5}));
  EXPECT_TRUE(table.Record(Disk(1), {71, 9}));
  EXPECT_EQ(table.EvidenceAbout(Disk(1)), (Evidence{{71, 9}}));
}

TEST(GenerationTableTest, ALowerCycleIsOnlyLate) {
  GenerationTable table;
  table.Record(Disk(1), {71, 9});
  EXPECT_FALSE(table.Record(Disk(1), {71, 8}));
  EXPECT_FALSE(table.Record(Disk(1), {71, 9}));
  EXPECT_EQ(table.EvidenceAbout(Disk(1)), (Evidence{{71, 9}}));
}

TEST(GenerationTableTest, ALateMessageOfAFormerOpenStillCounts) {
  GenerationTable table;
  table.Record(Disk(1), {71, 9});
  table.Record(Disk(1), {12, 20});
  EXPECT_TRUE(table.Record(Disk(1), {71, 15}));
  EXPECT_EQ(table.EvidenceAbout(Disk(1)), (Evidence{{71, 15}, {12, 20}}));
}

TEST(GenerationTableTest, DisksAreKeptApart) {
  GenerationTable table;
  table.Record(Disk(1), {71, 9});
  table.Record(Disk(2), {71, 3});
  EXPECT_EQ(table.EvidenceAbout(Disk(1)), (Evidence{{71, 9}}));
  EXPECT_EQ(table.EvidenceAbout(Disk(2)), (Evidence{{71, 3}}));
  EXPECT_TRUE(table.EvidenceAbout(Disk(3)).empty());
}

TEST(GenerationTableTest, KeepsTheNewestSixteenOpens) {
  GenerationTable table;
  for (uint64_t open = 1; open <= 20; ++open) {
    table.Record(Disk(1), {open, open * 10});
  }
  const Evidence evidence = table.EvidenceAbout(Disk(1));
  ASSERT_EQ(evidence.size(), 16u);
  EXPECT_EQ(evidence.front(), (Generation{5, 50}));
  EXPECT_EQ(evidence.back(), (Generation{20, 200}));
}

TEST(GenerationTableTest, NoGenerationIsNoEvidence) {
  GenerationTable table;
  EXPECT_FALSE(table.Record(Disk(1), {0, 7}));
  EXPECT_TRUE(table.EvidenceAbout(Disk(1)).empty());
}

}  // namespace
}  // namespace kappa::raft
