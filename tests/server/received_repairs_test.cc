#include "server/received_repairs.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

ReceivedRepairs::Repair RepairOf(uint64_t index, size_t bytes,
                                 char content = 'x') {
  ReceivedRepairs::Repair repair;
  repair.entry.header.index = LogIndex(index);
  repair.entry.payload = Payload::FromString(std::string(bytes, content));
  return repair;
}

std::vector<uint64_t> IndexesOf(const std::optional<RepairCheck>& check) {
  std::vector<uint64_t> indexes;
  if (!check.has_value()) return indexes;
  for (const storage::StoredEntry& entry : check->entries) {
    indexes.push_back(entry.header.index.value());
  }
  return indexes;
}

using Indexes = std::vector<uint64_t>;

class ReceivedRepairsTest : public testing::Test {
 protected:
  std::shared_ptr<RepairBudget> budget_ = std::make_shared<RepairBudget>();
  ReceivedRepairs repairs_{budget_};
};

// An entry that comes later may prove it.
TEST_F(ReceivedRepairsTest, WhatIsNotProvenIsCheckedAgainWithWhatComes) {
  EXPECT_FALSE(repairs_.TakeCheck().has_value());
  repairs_.Add(RepairOf(7, 10));
  std::optional<RepairCheck> check = repairs_.TakeCheck();
  EXPECT_EQ(IndexesOf(check), Indexes({7}));
  repairs_.Add(RepairOf(8, 10));
  EXPECT_FALSE(repairs_.TakeCheck().has_value()) << "one runs";
  EXPECT_TRUE(repairs_.EndCheck(check->id, {false}).empty());
  check = repairs_.TakeCheck();
  EXPECT_EQ(IndexesOf(check), Indexes({7, 8}));
  EXPECT_EQ(repairs_.EndCheck(check->id, {false, true}).size(), 1u);
  EXPECT_FALSE(repairs_.TakeCheck().has_value()) << "nothing has changed";
  repairs_.Retry();
  EXPECT_EQ(IndexesOf(repairs_.TakeCheck()), Indexes({7}));
}

TEST_F(ReceivedRepairsTest, AnotherCopyTakesThePlaceOfOneThatWaits) {
  repairs_.Add(RepairOf(7, 10, 'a'));
  std::optional<RepairCheck> check = repairs_.TakeCheck();
  repairs_.EndCheck(check->id, {false});
  repairs_.Add(RepairOf(7, 20, 'b'));
  EXPECT_EQ(repairs_.bytes(), 20u);
  check = repairs_.TakeCheck();
  ASSERT_EQ(IndexesOf(check), Indexes({7}));
  EXPECT_EQ(check->entries[0].payload.ToString(), std::string(20, 'b'));
}

// Else two groups that can prove nothing would keep the room of all others.
TEST_F(ReceivedRepairsTest, WhatIsNotProvenGivesWayToOtherGroups) {
  ReceivedRepairs other(budget_);
  ReceivedRepairs third(budget_);
  for (uint64_t index = 1; index <= 16; ++index) {
    repairs_.Add(RepairOf(index, kMiB));
    other.Add(RepairOf(index, kMiB));
  }
  std::optional<RepairCheck> check = repairs_.TakeCheck();
  repairs_.EndCheck(check->id, std::vector<bool>(16, false));
  EXPECT_EQ(repairs_.bytes(), 16 * kMiB) << "nobody else wants the room";
  third.Add(RepairOf(7, kMiB));
  EXPECT_EQ(third.bytes(), 0u);
  repairs_.Add(RepairOf(3, kMiB));  // which is asked for again and again
  check = repairs_.TakeCheck();
  repairs_.EndCheck(check->id, std::vector<bool>(16, false));
  EXPECT_EQ(repairs_.bytes(), 0u);
  third.Add(RepairOf(7, kMiB));
  EXPECT_EQ(third.bytes(), kMiB);
}

// A small entry may be a part of a large frame.
TEST_F(ReceivedRepairsTest, WhatAnEntryIsAPartOfIsNotKept) {
  auto frame = std::make_shared<const std::string>(kMiB, 'f');
  ReceivedRepairs::Repair repair = RepairOf(7, 0);
  repair.entry.payload =
      Payload({std::string_view(*frame).substr(5, 3)}, frame);
  repairs_.Add(std::move(repair));
  EXPECT_EQ(frame.use_count(), 1);
  EXPECT_EQ(repairs_.TakeCheck()->entries[0].payload.ToString(), "fff");
}

TEST_F(ReceivedRepairsTest, WhatWasCheckedMakesRoom) {
  for (uint64_t i = 1; i <= 16; ++i) repairs_.Add(RepairOf(i, kMiB));
  std::optional<RepairCheck> check = repairs_.TakeCheck();
  EXPECT_EQ(check->entries.size(), 16u);
  repairs_.Add(RepairOf(17, kMiB));  // no room: nothing was checked so far
  repairs_.EndCheck(check->id, std::vector<bool>(16, false));
  repairs_.Add(RepairOf(18, kMiB));
  EXPECT_EQ(IndexesOf(repairs_.TakeCheck()), Indexes({18}));
  EXPECT_EQ(budget_->bytes(), kMiB);
}

// All groups of a node share one budget, and give back what they took.
TEST_F(ReceivedRepairsTest, GroupsShareABudget) {
  std::vector<std::unique_ptr<ReceivedRepairs>> groups;
  for (int i = 0; i < 4; ++i) {
    groups.push_back(std::make_unique<ReceivedRepairs>(budget_));
    for (uint64_t n = 1; n <= 16; ++n) groups[i]->Add(RepairOf(n, kMiB));
    EXPECT_LE(budget_->bytes(), RepairBudget::kBytesMax);
  }
  EXPECT_EQ(groups[0]->bytes() + groups[1]->bytes(), RepairBudget::kBytesMax);
  EXPECT_FALSE(groups[3]->TakeCheck().has_value());
  const std::optional<RepairCheck> check = groups[0]->TakeCheck();
  EXPECT_EQ(groups[0]->EndCheck(check->id, std::vector<bool>(16, true)).size(),
            16u);
  groups[3]->Add(RepairOf(1, kMiB));
  EXPECT_TRUE(groups[3]->TakeCheck().has_value());
  groups.clear();
  EXPECT_EQ(budget_->bytes(), 0u);
}

// However large it is, one gets through.
TEST(RepairBudgetTest, ALoneEntryFindsRoom) {
  RepairBudget budget(10);
  EXPECT_TRUE(budget.TryTake(100));
  EXPECT_FALSE(budget.TryTake(1));
  budget.Give(100);
  EXPECT_TRUE(budget.TryTake(5));
  EXPECT_FALSE(budget.TryTake(6));
  EXPECT_TRUE(budget.TryTake(5));
}

}  // namespace
}  // namespace kappa::server
