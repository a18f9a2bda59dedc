#include "storage/sealer.h"

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "storage/sealed_segment.h"
#include "tests/storage/faulty_file_system.h"
#include "tests/storage/segment_fixture.h"

namespace kappa::storage {
namespace {

class SealerTest : public SegmentFixture {
 protected:
  absl::StatusOr<SealedRow> Seal(const std::vector<SegmentRange>& visible) {
    return Sealer(sealer_options_)
        .Seal(db_.get(), family_, SegmentNumber(1), visible);
  }

  void ExpectEntries(const SealedRow& row, uint64_t replica, uint64_t first,
                     uint64_t last, size_t bytes = 100) {
    const auto segment =
        SealedSegment::Create(sealer_options_.sealed_root, row, readers_.get());
    SealedCursor cursor =
        segment->Scan(ReplicaNumber(replica), LogIndex(0), LogIndex(1'000'000),
                      ReadClass::kReplay);
    for (uint64_t index = first; index <= last; ++index) {
      ASSERT_TRUE(cursor.Valid()) << index << ": " << cursor.status();
      ASSERT_EQ(cursor.index(), LogIndex(index));
      ASSERT_EQ(cursor.value(), ValueOf(replica, index, bytes));
      cursor.Next();
    }
    EXPECT_FALSE(cursor.Valid());
    EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  }
};

TEST_F(SealerTest, WritesWhatIsVisibleInOrder) {
  PutEntries(1, 1, 50);
  PutEntries(2, 10, 30);
  Flush();
  PutEntries(1, 51, 80);  // still in the memtable
  PutEntries(3, 1, 5);    // a dropped replica
  const auto row = Seal({RangeOf(1, 5, 80), RangeOf(2, 10, 25)});
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->segment, SegmentNumber(1));
  EXPECT_TRUE(row->runs.empty());
  ASSERT_EQ(row->replicas.size(), 2u);
  EXPECT_EQ(row->replicas[0].entries, 76u);
  EXPECT_EQ(row->replicas[0].bytes, 76u * 116);
  EXPECT_EQ(row->replicas[0].row, RangeOf(1, 5, 80).row);
  ExpectEntries(*row, 1, 5, 80);
  ExpectEntries(*row, 2, 10, 25);
  ExpectEntries(*row, 3, 1, 0);
}

TEST_F(SealerTest, RecordsSizesBoundsAndChecksumsOfTheFiles) {
  PutEntries(1, 1, 40, 3000);
  PutEntries(2, 1, 40, 3000);
  sealer_options_.file_bytes_max = 100'000;
  const auto row = Seal({RangeOf(1, 1, 40), RangeOf(2, 1, 40)});
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_GE(row->files.size(), 2u);
  EXPECT_EQ(FilesOf("0000000000000001-0").size(), row->files.size());
  for (const SealedFile& file : row->files) {
    const std::string bytes = ReadWholeFile(sealer_options_.sealed_root +
                                            "/0000000000000001-0/" + file.name);
    EXPECT_EQ(file.bytes, bytes.size());
    EXPECT_EQ(file.crc32c, Crc32c(bytes)) << file.name;
  }
  EXPECT_EQ(row->files.front().first_replica, ReplicaNumber(1));
  EXPECT_EQ(row->files.front().first_index, LogIndex(1));
  EXPECT_EQ(row->files.back().last_replica, ReplicaNumber(2));
  EXPECT_EQ(row->files.back().last_index, LogIndex(40));
  ExpectEntries(*row, 1, 1, 40, 3000);
  ExpectEntries(*row, 2, 1, 40, 3000);
}

TEST_F(SealerTest, AMissingEntryIsDataLossAndLeavesNothing) {
  PutEntries(1, 1, 20);
  PutEntries(1, 22, 30);
  EXPECT_EQ(Seal({RangeOf(1, 1, 30)}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(Seal({RangeOf(1, 22, 31)}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(Seal({RangeOf(5, 1, 1)}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(std::filesystem::is_empty(sealer_options_.sealed_root));
}

TEST_F(SealerTest, NothingVisibleGivesNoFiles) {
  PutEntries(1, 1, 20);
  const auto row = Seal({});
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_TRUE(row->files.empty());
  EXPECT_TRUE(std::filesystem::is_empty(sealer_options_.sealed_root));
}

TEST_F(SealerTest, AnEarlierAttemptIsReplaced) {
  PutEntries(1, 1, 20);
  std::filesystem::create_directories(sealer_options_.sealed_root +
                                      "/0000000000000001-0/old");
  const auto row = Seal({RangeOf(1, 1, 20)});
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(FilesOf("0000000000000001-0").size(), 1u);
}

TEST_F(SealerTest, LongRunsAreLinkedInFlushOrder) {
  sealer_options_.link_run_bytes_min = 1000;
  PutEntries(1, 1, 60, 200);
  PutEntries(2, 1, 50, 300);
  Flush();
  // Replica 1 is truncated to 40 and goes on with other entries.
  PutEntries(1, 41, 50, 333);
  PutEntries(2, 51, 80, 300);
  Flush();
  PutEntries(1, 51, 70, 200);
  const auto row = Seal({RangeOf(1, 1, 70), RangeOf(2, 1, 80)});
  ASSERT_TRUE(row.ok()) << row.status();
  ASSERT_EQ(row->files.size(), 3u);
  EXPECT_EQ(row->runs.size(), 5u);
  struct stat status;
  ASSERT_EQ(stat(FilesOf("0000000000000001-0")[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 2u);
  const auto segment =
      SealedSegment::Create(sealer_options_.sealed_root, *row, readers_.get());
  SealedCursor cursor = segment->Scan(ReplicaNumber(1), LogIndex(1),
                                      LogIndex(70), ReadClass::kReplay);
  for (uint64_t index = 1; index <= 70; ++index) {
    ASSERT_TRUE(cursor.Valid()) << index << ": " << cursor.status();
    const size_t bytes = index > 40 && index <= 50 ? 333 : 200;
    ASSERT_EQ(cursor.value(), ValueOf(1, index, bytes)) << index;
    cursor.Next();
  }
  EXPECT_FALSE(cursor.Valid());
  ExpectEntries(*row, 2, 1, 80, 300);
  for (const SealedFile& file : row->files) {
    EXPECT_EQ(file.crc32c,
              Crc32c(ReadWholeFile(sealer_options_.sealed_root +
                                   "/0000000000000001-0/" + file.name)));
  }
}

TEST_F(SealerTest, WhatIsNotFlushedIsWrittenBesideTheLinks) {
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 200);
  PutEntries(2, 1, 20, 200);
  Flush();
  // Replica 1 is truncated to 50, goes on, and is truncated again.
  PutEntries(1, 51, 75, 333);
  PutEntries(1, 61, 70, 222);
  PutEntries(9, 1, 20, 200);  // a dropped replica
  const auto row = Seal({RangeOf(1, 5, 70), RangeOf(2, 1, 20)});
  ASSERT_TRUE(row.ok()) << row.status();
  rocksdb::ColumnFamilyMetaData metadata;
  db_->GetColumnFamilyMetaData(family_, &metadata);
  EXPECT_EQ(metadata.file_count, 1u) << "sealing flushed the family";
  ASSERT_EQ(row->files.size(), 2u);
  EXPECT_EQ(row->files[1].first_replica, ReplicaNumber(1));
  EXPECT_EQ(row->files[1].first_index, LogIndex(51));
  EXPECT_EQ(row->files[1].last_replica, ReplicaNumber(1));
  EXPECT_EQ(row->files[1].last_index, LogIndex(70));
  // An estimate, and a rough one for what is in memory.
  EXPECT_GT(row->replicas[0].bytes, 0u);
  const std::string path = FilesOf("0000000000000001-0")[1];
  EXPECT_EQ(row->files[1].crc32c, Crc32c(ReadWholeFile(path)));
  const auto segment =
      SealedSegment::Create(sealer_options_.sealed_root, *row, readers_.get());
  SealedCursor cursor = segment->Scan(ReplicaNumber(1), LogIndex(5),
                                      LogIndex(70), ReadClass::kReplay);
  for (uint64_t index = 5; index <= 70; ++index) {
    ASSERT_TRUE(cursor.Valid()) << index << ": " << cursor.status();
    const size_t bytes = index <= 50 ? 200 : index <= 60 ? 333 : 222;
    ASSERT_EQ(cursor.value(), ValueOf(1, index, bytes)) << index;
    cursor.Next();
  }
  EXPECT_FALSE(cursor.Valid());
  ExpectEntries(*row, 2, 1, 20, 200);
}

TEST_F(SealerTest, ALinkThatIsToldToEndLeavesNothing) {
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 200);
  Flush();
  PutEntries(1, 61, 80, 200);
  const std::atomic<bool> cancelled{true};
  sealer_options_.cancelled = &cancelled;
  EXPECT_EQ(Seal({RangeOf(1, 1, 80)}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(sealer_options_.sealed_root));
}

// Nothing is known about the bytes then, so it is no damage.
TEST_F(SealerTest, TooManyOpenFilesEndASealThatGoesWellLater) {
  bool short_of_files = true;
  const auto env = rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(
      [&](const std::string& operation, const std::string& path) {
        return short_of_files && operation == "open"
                   ? rocksdb::IOStatus::IOError(path, std::strerror(EMFILE))
                   : rocksdb::IOStatus::OK();
      }));
  sealer_options_.env = env.get();
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 200);
  Flush();
  EXPECT_EQ(Seal({RangeOf(1, 1, 60)}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(std::filesystem::is_empty(sealer_options_.sealed_root));
  short_of_files = false;
  const auto row = Seal({RangeOf(1, 1, 60)});
  ASSERT_TRUE(row.ok()) << row.status();
  ExpectEntries(*row, 1, 1, 60, 200);
}

TEST_F(SealerTest, LinkedFilesOutliveTheFamily) {
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 200);
  Flush();
  const auto row = Seal({RangeOf(1, 1, 60)});
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_GT(row->replicas[0].bytes, 0u);
  db_.reset();
  std::filesystem::remove_all(root_ + "/db");
  ExpectEntries(*row, 1, 1, 60, 200);
}

TEST_F(SealerTest, AMissingLinkedEntryIsDataLoss) {
  sealer_options_.link_run_bytes_min = 1;
  PutEntries(1, 1, 60, 200);
  Flush();
  EXPECT_EQ(Seal({RangeOf(1, 1, 61)}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(std::filesystem::is_empty(sealer_options_.sealed_root));
}

TEST_F(SealerTest, OnlyNamedFoldersSurviveTheCleaning) {
  EXPECT_TRUE(RemoveLeftoverFolders(sealer_options_.sealed_root, {}).ok());
  PutEntries(1, 1, 20);
  const auto row = Seal({RangeOf(1, 1, 20)});
  ASSERT_TRUE(row.ok()) << row.status();
  std::filesystem::create_directories(sealer_options_.sealed_root +
                                      "/0000000000000001-1/x");
  ASSERT_TRUE(RemoveLeftoverFolders(sealer_options_.sealed_root, {*row}).ok());
  ExpectEntries(*row, 1, 1, 20);
  EXPECT_FALSE(std::filesystem::exists(sealer_options_.sealed_root +
                                       "/0000000000000001-1"));
}

}  // namespace
}  // namespace kappa::storage
