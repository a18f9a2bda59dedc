#include "storage/known_damage.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

ScrubRange Range(uint64_t replica, uint64_t first, uint64_t last) {
  return {ReplicaNumber(replica), GroupId(replica), LogIndex(first),
          LogIndex(last), "why"};
}

class KnownDamageTest : public testing::Test {
 protected:
  KnownDamageTest() : path_(FreshDirectory("known") + "/damage") {
    std::filesystem::create_directories(
        std::filesystem::path(path_).parent_path());
    Load();
  }
  void Load() { known_ = *KnownDamage::Load(path_); }
  std::optional<ScrubRange> First(uint64_t replica, uint64_t from,
                                  uint64_t last) const {
    return known_->FirstIn(ReplicaNumber(replica), LogIndex(from),
                           LogIndex(last));
  }

  const std::string path_;
  std::unique_ptr<KnownDamage> known_;
};

TEST_F(KnownDamageTest, SurvivesItsFile) {
  EXPECT_TRUE(known_->All().empty());
  EXPECT_EQ(First(1, 1, 100), std::nullopt);
  ASSERT_TRUE(known_->Add(Range(2, 5, 7)).ok());
  ASSERT_TRUE(known_->Add(Range(1, 20, 20)).ok());
  ASSERT_TRUE(known_->Add(Range(1, 3, 4)).ok());
  const std::vector<ScrubRange> all = {Range(1, 3, 4), Range(1, 20, 20),
                                       Range(2, 5, 7)};
  EXPECT_EQ(known_->All(), all);
  Load();
  EXPECT_EQ(known_->All(), all);
  EXPECT_EQ(First(1, 1, 2), std::nullopt);
  EXPECT_EQ(First(1, 4, 30), Range(1, 3, 4));
  EXPECT_EQ(First(1, 5, 30), Range(1, 20, 20));
  EXPECT_EQ(First(1, 5, 19), std::nullopt);
  EXPECT_EQ(First(3, 1, 30), std::nullopt);
  ASSERT_TRUE(known_->Remove(Range(1, 3, 4)).ok());
  ASSERT_TRUE(known_->Remove(Range(1, 20, 20)).ok());
  ASSERT_TRUE(known_->Remove(Range(2, 5, 7)).ok());
  EXPECT_EQ(First(2, 1, 100), std::nullopt);
  Load();
  EXPECT_TRUE(known_->All().empty());
}

TEST_F(KnownDamageTest, RangesThatTouchBecomeOne) {
  for (const ScrubRange& range :
       {Range(1, 10, 12), Range(1, 20, 22), Range(1, 13, 13), Range(1, 5, 11),
        Range(1, 30, 31), Range(1, 14, 19), Range(1, 6, 7)}) {
    ASSERT_TRUE(known_->Add(range).ok());
  }
  EXPECT_EQ(known_->All(),
            (std::vector<ScrubRange>{Range(1, 5, 22), Range(1, 30, 31)}));
}

TEST_F(KnownDamageTest, ManyRangesOfAReplicaGrowTogether) {
  for (uint64_t i = 1; i <= 2 * kKnownRangesMax; ++i) {
    ASSERT_TRUE(known_->Add(Range(1, 10 * i, 10 * i)).ok());
  }
  EXPECT_EQ(known_->All().size(), kKnownRangesMax);
  for (uint64_t i = 1; i <= 2 * kKnownRangesMax; ++i) {
    EXPECT_TRUE(First(1, 10 * i, 10 * i).has_value()) << i;
  }
  EXPECT_EQ(First(1, 11, 19), std::nullopt);
}

TEST_F(KnownDamageTest, ALateRangeInFrontDoesNotHideTheWholeLog) {
  for (uint64_t i = 1; i <= kKnownRangesMax; ++i) {
    ASSERT_TRUE(known_->Add(Range(1, 1'000 * i, 1'000 * i)).ok());
  }
  ASSERT_TRUE(known_->Add(Range(1, 3, 3)).ok());
  EXPECT_EQ(known_->All().size(), kKnownRangesMax);
  EXPECT_TRUE(First(1, 3, 3).has_value());
  for (uint64_t i = 1; i < kKnownRangesMax; ++i) {
    EXPECT_EQ(First(1, 1'000 * i + 1, 1'000 * i + 999), std::nullopt) << i;
  }
}

TEST_F(KnownDamageTest, ADamagedFileIsNotEmpty) {
  ASSERT_TRUE(known_->Add(Range(1, 3, 4)).ok());
  const std::string whole = ReadAll(path_);
  for (size_t at = 0; at < whole.size(); ++at) {
    WriteAll(path_, whole);
    FlipBit(path_, at);
    EXPECT_TRUE(absl::IsDataLoss(KnownDamage::Load(path_).status())) << at;
  }
  CutAt(path_, 0);
  EXPECT_TRUE(absl::IsDataLoss(KnownDamage::Load(path_).status()));
}

TEST_F(KnownDamageTest, WhatCannotBeWrittenCountsAndIsWrittenLater) {
  const std::string folder =
      std::filesystem::path(path_).parent_path().string();
  std::filesystem::remove_all(folder);
  EXPECT_FALSE(known_->Add(Range(1, 3, 4)).ok());
  EXPECT_FALSE(known_->saved());
  EXPECT_TRUE(First(1, 4, 4).has_value());
  std::filesystem::create_directories(folder);
  EXPECT_TRUE(known_->Save().ok());
  EXPECT_TRUE(known_->saved());
  Load();
  EXPECT_TRUE(First(1, 4, 4).has_value());
}

}  // namespace
}  // namespace kappa::storage
