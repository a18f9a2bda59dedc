#include "storage/known_damage.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
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
  // Reads what is kept.
  void SaveAndLoad() {
    ASSERT_TRUE(known_->Save().ok());
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
  known_->Add(Range(2, 5, 7));
  known_->Add(Range(1, 20, 20));
  known_->Add(Range(1, 3, 4));
  const std::vector<ScrubRange> all = {Range(1, 3, 4), Range(1, 20, 20),
                                       Range(2, 5, 7)};
  EXPECT_EQ(known_->All(), all);
  SaveAndLoad();
  EXPECT_EQ(known_->All(), all);
  EXPECT_EQ(First(1, 1, 2), std::nullopt);
  EXPECT_EQ(First(1, 4, 30), Range(1, 3, 4));
  EXPECT_EQ(First(1, 5, 30), Range(1, 20, 20));
  EXPECT_EQ(First(1, 5, 19), std::nullopt);
  EXPECT_EQ(First(3, 1, 30), std::nullopt);
  for (const ScrubRange& range : all) {
    known_->Remove(range.replica, range.first, range.last);
  }
  EXPECT_EQ(First(2, 1, 100), std::nullopt);
  SaveAndLoad();
  EXPECT_TRUE(known_->All().empty());
}

TEST_F(KnownDamageTest, RangesThatTouchBecomeOne) {
  for (const ScrubRange& range :
       {Range(1, 10, 12), Range(1, 20, 22), Range(1, 13, 13), Range(1, 5, 11),
        Range(1, 30, 31), Range(1, 14, 19), Range(1, 6, 7)}) {
    known_->Add(range);
  }
  EXPECT_EQ(known_->All(),
            (std::vector<ScrubRange>{Range(1, 5, 22), Range(1, 30, 31)}));
}

TEST_F(KnownDamageTest, ManyRangesOfAReplicaGrowTogether) {
  for (uint64_t i = 1; i <= 2 * kKnownRangesMax; ++i) {
    known_->Add(Range(1, 10 * i, 10 * i));
  }
  EXPECT_EQ(known_->All().size(), kKnownRangesMax);
  for (uint64_t i = 1; i <= 2 * kKnownRangesMax; ++i) {
    EXPECT_TRUE(First(1, 10 * i, 10 * i).has_value()) << i;
  }
  EXPECT_EQ(First(1, 11, 19), std::nullopt);
}

TEST_F(KnownDamageTest, ALateRangeInFrontDoesNotHideTheWholeLog) {
  for (uint64_t i = 1; i <= kKnownRangesMax; ++i) {
    known_->Add(Range(1, 1'000 * i, 1'000 * i));
  }
  known_->Add(Range(1, 3, 3));
  EXPECT_EQ(known_->All().size(), kKnownRangesMax);
  EXPECT_TRUE(First(1, 3, 3).has_value());
  for (uint64_t i = 1; i < kKnownRangesMax; ++i) {
    EXPECT_EQ(First(1, 1'000 * i + 1, 1'000 * i + 999), std::nullopt) << i;
  }
}

TEST_F(KnownDamageTest, ADamagedFileIsNotEmpty) {
  known_->Add(Range(1, 3, 4));
  ASSERT_TRUE(known_->Save().ok());
  const std::string whole = ReadAll(path_);
  for (size_t at = 0; at < whole.size(); ++at) {
    WriteAll(path_, whole);
    FlipBit(path_, at);
    EXPECT_TRUE(absl::IsDataLoss(KnownDamage::Load(path_).status())) << at;
  }
  CutAt(path_, 0);
  EXPECT_TRUE(absl::IsDataLoss(KnownDamage::Load(path_).status()));
}

// A pipe in the place of the file holds the writer up in the middle.
TEST_F(KnownDamageTest, SavingHoldsNoReaderUp) {
  const std::string next = path_ + ".next";
  ASSERT_EQ(mkfifo(next.c_str(), 0600), 0);
  const int pipe = open(next.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(pipe, 0);
  ASSERT_GE(fcntl(pipe, F_SETPIPE_SZ, 4096), 0);
  ScrubRange large = Range(1, 3, 4);
  large.what = std::string(64 << 10, 'w');
  known_->Add(large);
  // No pipe can be synced.
  std::thread saver([&] { EXPECT_FALSE(known_->Save().ok()); });
  pollfd begun{pipe, POLLIN, 0};
  ASSERT_EQ(poll(&begun, 1, 60'000), 1);
  auto read = std::async(std::launch::async, [&] { return First(1, 4, 4); });
  EXPECT_EQ(read.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  char bytes[4096];
  // An end means that the writer has gone.
  for (ssize_t got = 1; got != 0;) {
    ASSERT_EQ(poll(&begun, 1, 60'000), 1);
    got = ::read(pipe, bytes, sizeof(bytes));
  }
  saver.join();
  close(pipe);
  EXPECT_TRUE(read.get().has_value());
  EXPECT_FALSE(known_->saved());
}

TEST_F(KnownDamageTest, WhatCannotBeWrittenCountsAndIsWrittenLater) {
  const std::string folder =
      std::filesystem::path(path_).parent_path().string();
  std::filesystem::remove_all(folder);
  known_->Add(Range(1, 3, 4));
  EXPECT_FALSE(known_->Save().ok());
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
