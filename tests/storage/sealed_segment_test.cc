#include "storage/sealed_segment.h"

#include <dirent.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "storage/sealer.h"
#include "tests/storage/segment_fixture.h"

namespace kappa::storage {
namespace {

class SealedSegmentTest : public SegmentFixture {
 protected:
  // Seals entries [1, last] of replicas 1 and 2.
  std::shared_ptr<SealedSegment> Sealed(uint64_t last, size_t bytes) {
    PutEntries(1, 1, last, bytes);
    PutEntries(2, 1, last, bytes);
    const std::vector<SegmentRange> visible = {RangeOf(1, 1, last),
                                               RangeOf(2, 1, last)};
    row_ = *Sealer(sealer_options_)
                .Seal(db_.get(), family_, SegmentNumber(1), visible);
    return SealedSegment::Create(sealer_options_.sealed_root, row_,
                                 readers_.get());
  }

  SealedRow row_;
};

int OpenFileCount() {
  int count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

TEST_F(SealedSegmentTest, GetsEntriesAndTellsAbsentOnesApart) {
  sealer_options_.file_bytes_max = 20'000;
  const auto segment = Sealed(100, 500);
  for (uint64_t index = 1; index <= 100; ++index) {
    const auto found = segment->Get(ReplicaNumber(2), LogIndex(index));
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_TRUE(found->has_value());
    ASSERT_EQ((*found)->value, ValueOf(2, index, 500));
  }
  EXPECT_FALSE(segment->Get(ReplicaNumber(2), LogIndex(101))->has_value());
  EXPECT_FALSE(segment->Get(ReplicaNumber(2), LogIndex(0))->has_value());
  EXPECT_FALSE(segment->Get(ReplicaNumber(3), LogIndex(1))->has_value());
  EXPECT_FALSE(segment->Get(ReplicaNumber(0), LogIndex(1))->has_value());
}

TEST_F(SealedSegmentTest, ScansAnyRangeInBothClasses) {
  sealer_options_.file_bytes_max = 30'000;
  const auto segment = Sealed(300, 1000);
  ASSERT_GT(row_.files.size(), 5u);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const uint64_t replica = 1 + random() % 2;
    const uint64_t from = random() % 310;
    const uint64_t last = from + random() % 100;
    SealedCursor cursor = segment->Scan(
        ReplicaNumber(replica), LogIndex(from), LogIndex(last),
        random() % 2 == 0 ? ReadClass::kPoint : ReadClass::kReplay);
    for (uint64_t index = std::max<uint64_t>(from, 1);
         index <= std::min<uint64_t>(last, 300); ++index) {
      ASSERT_TRUE(cursor.Valid()) << cursor.status();
      ASSERT_EQ(cursor.index(), LogIndex(index));
      ASSERT_EQ(cursor.value(), ValueOf(replica, index, 1000));
      cursor.Next();
    }
    ASSERT_FALSE(cursor.Valid());
    ASSERT_TRUE(cursor.status().ok());
  }
}

TEST_F(SealedSegmentTest, ValuesLiveAsLongAsTheirOwners) {
  sealer_options_.file_bytes_max = 100'000;
  auto segment = Sealed(500, 1000);
  std::vector<PinnedValue> values;
  {
    SealedCursor cursor = segment->Scan(ReplicaNumber(1), LogIndex(1),
                                        LogIndex(500), ReadClass::kReplay);
    for (; cursor.Valid(); cursor.Next()) {
      values.push_back({cursor.value(), cursor.owner()});
    }
  }
  // Everything else goes: segment, open readers, cached blocks.
  segment.reset();
  readers_->Forget(sealer_options_.sealed_root + "/0000000000000001-0");
  EXPECT_EQ(readers_->open_files(), 0u);
  block_cache_->EraseUnRefEntries();
  ASSERT_EQ(values.size(), 500u);
  for (uint64_t index = 1; index <= 500; ++index) {
    ASSERT_EQ(values[index - 1].value, ValueOf(1, index, 1000));
  }
}

TEST_F(SealedSegmentTest, DamageIsDataLossAndNeverServed) {
  const auto segment = Sealed(100, 5000);
  const std::string path = FilesOf("0000000000000001-0")[0];
  FlipBit(path, 250'000);
  int lost = 0;
  for (uint64_t index = 1; index <= 100; ++index) {
    const auto found = segment->Get(ReplicaNumber(1), LogIndex(index));
    if (found.ok()) {
      ASSERT_EQ((*found)->value, ValueOf(1, index, 5000));
    } else {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
      ++lost;
    }
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 20);
  // A scan gives what stands before the damage, then says so.
  SealedCursor cursor = segment->Scan(ReplicaNumber(1), LogIndex(1),
                                      LogIndex(100), ReadClass::kReplay);
  uint64_t index = 1;
  for (; cursor.Valid(); cursor.Next()) {
    ASSERT_EQ(cursor.index(), LogIndex(index));
    ++index;
  }
  EXPECT_EQ(cursor.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_GT(index, 1u);
}

TEST_F(SealedSegmentTest, AMissingFileIsDataLoss) {
  const auto segment = Sealed(10, 100);
  std::filesystem::remove(FilesOf("0000000000000001-0")[0]);
  const auto found = segment->Get(ReplicaNumber(1), LogIndex(1));
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(found.status().message().find("000001.sst"), std::string::npos);
}

TEST_F(SealedSegmentTest, FilesGoWithTheLastUserOfAReplacedSegment) {
  auto segment = Sealed(10, 100);
  const std::string folder = segment->folder();
  SealedCursor cursor = segment->Scan(ReplicaNumber(1), LogIndex(1),
                                      LogIndex(10), ReadClass::kPoint);
  segment->RemoveFilesAtEnd();
  segment.reset();
  EXPECT_TRUE(std::filesystem::exists(folder));
  cursor.Next();
  EXPECT_EQ(cursor.value(), ValueOf(1, 2, 100));
  { const SealedCursor last_user = std::move(cursor); }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(SealedSegmentTest, FewFilesAreOpenHoweverManyThereAre) {
  sealer_options_.file_bytes_max = 10'000;
  const auto segment = Sealed(600, 4000);
  ASSERT_GT(row_.files.size(), 50u);
  SstReaderCacheOptions options;
  options.block_cache = block_cache_;
  options.direct_io = sealer_options_.direct_io;
  options.open_files_max = 8;
  SstReaderCache few(options);
  const auto bounded =
      SealedSegment::Create(sealer_options_.sealed_root, row_, &few);
  const int before = OpenFileCount();
  for (uint64_t index = 1; index <= 600; index += 7) {
    ASSERT_TRUE(bounded->Get(ReplicaNumber(1), LogIndex(index)).ok());
    ASSERT_LE(OpenFileCount(), before + 8);
  }
  EXPECT_EQ(few.open_files(), 8u);
}

TEST_F(SealedSegmentTest, ManyThreadsReadAtOnce) {
  sealer_options_.file_bytes_max = 20'000;
  const auto segment = Sealed(300, 500);
  SstReaderCacheOptions options;
  options.block_cache = block_cache_;
  options.direct_io = sealer_options_.direct_io;
  options.open_files_max = 2;
  SstReaderCache few(options);
  const auto shared =
      SealedSegment::Create(sealer_options_.sealed_root, row_, &few);
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&shared, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 200; ++i) {
        const uint64_t index = 1 + random() % 300;
        const auto found = shared->Get(ReplicaNumber(1), LogIndex(index));
        ASSERT_TRUE(found.ok() && found->has_value());
        ASSERT_EQ((*found)->value, ValueOf(1, index, 500));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace kappa::storage
