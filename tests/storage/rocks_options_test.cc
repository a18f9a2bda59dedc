#include "storage/rocks_options.h"

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/compaction_filter.h"
#include "storage/rocks_database.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

using testing::HasSubstr;

RocksSettings Settings() {
  RocksSettings settings;
  settings.memtable_bytes = size_t{64} << 20;
  settings.wal_bytes_max = uint64_t{512} << 20;
  settings.block_cache = rocksdb::NewLRUCache(1 << 20);
  return settings;
}

const std::vector<std::string> kFamilies = {"meta", "side_metadata",
                                            "side_producers", "segment-7"};

TEST(RocksOptionsTest, OursKeepForEver) {
  EXPECT_TRUE(CheckDatabaseOptions(MakeDatabaseOptions(Settings())).ok());
  for (const std::string& family : kFamilies) {
    const auto options = MakeFamilyOptions(Settings(), family);
    EXPECT_TRUE(CheckFamilyOptions(family, options).ok());
    EXPECT_EQ(options.ttl, 0u);
    EXPECT_EQ(options.periodic_compaction_seconds, 0u);
    EXPECT_EQ(options.compression, rocksdb::kNoCompression);
  }
}

// RocksDB's own defaults expire data after 30 days.
TEST(RocksOptionsTest, DefaultsAreRefused) {
  EXPECT_FALSE(CheckFamilyOptions("meta", rocksdb::ColumnFamilyOptions()).ok());
  EXPECT_FALSE(CheckDatabaseOptions(rocksdb::DBOptions()).ok());
}

TEST(RocksOptionsTest, EveryFamilyOptionThatLosesDataIsRefused) {
  class Filter : public rocksdb::CompactionFilter {
    const char* Name() const override { return "filter"; }
  };
  static const Filter filter;
  using Options = rocksdb::ColumnFamilyOptions;
  const std::vector<std::pair<std::string, std::function<void(Options*)>>>
      breaches = {
          {"ttl is not 0", [](Options* o) { o->ttl = 1; }},
          {"periodic_compaction_seconds is not 0",
           [](Options* o) { o->periodic_compaction_seconds = 1; }},
          {"compaction style is FIFO",
           [](Options* o) {
             o->compaction_style = rocksdb::kCompactionStyleFIFO;
           }},
          {"a compaction filter is set",
           [](Options* o) { o->compaction_filter = &filter; }},
          {"blob files are on",
           [](Options* o) { o->enable_blob_files = true; }},
      };
  for (const std::string& family : kFamilies) {
    for (const auto& [message, breach] : breaches) {
      Options options = MakeFamilyOptions(Settings(), family);
      breach(&options);
      const absl::Status status = CheckFamilyOptions(family, options);
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << message;
      EXPECT_THAT(std::string(status.message()), HasSubstr(message));
      EXPECT_THAT(std::string(status.message()), HasSubstr(family));
    }
  }
  Options compacting = MakeFamilyOptions(Settings(), "segment-7");
  compacting.disable_auto_compactions = false;
  EXPECT_FALSE(CheckFamilyOptions("segment-7", compacting).ok());
}

TEST(RocksOptionsTest, EveryDatabaseOptionThatLosesDataIsRefused) {
  using Options = rocksdb::DBOptions;
  const std::vector<std::function<void(Options*)>> breaches = {
      [](Options* o) { o->track_and_verify_wals_in_manifest = false; },
      [](Options* o) { o->verify_sst_unique_id_in_manifest = false; },
      [](Options* o) { o->paranoid_checks = false; },
      [](Options* o) { o->atomic_flush = false; },
      [](Options* o) { o->file_checksum_gen_factory.reset(); },
      [](Options* o) { o->max_bgerror_resume_count = 1; },
      [](Options* o) { o->recycle_log_file_num = 1; },
      [](Options* o) { o->wal_bytes_per_sync = 1; },
      [](Options* o) { o->manual_wal_flush = true; },
      [](Options* o) { o->unordered_write = true; },
      [](Options* o) { o->two_write_queues = true; },
      [](Options* o) { o->allow_mmap_reads = true; },
      [](Options* o) { o->allow_mmap_writes = true; },
      [](Options* o) { o->best_efforts_recovery = true; },
      [](Options* o) {
        o->wal_recovery_mode =
            rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
      },
  };
  for (size_t i = 0; i < breaches.size(); ++i) {
    Options options = MakeDatabaseOptions(Settings());
    breaches[i](&options);
    EXPECT_TRUE(absl::IsFailedPrecondition(CheckDatabaseOptions(options)))
        << "breach " << i;
  }
}

// What counts is what the open database says of itself.
TEST(RocksOptionsTest, OpenDatabaseHasThem) {
  const std::string path = FreshDirectory("db");
  ASSERT_TRUE(RocksDatabase::Create(path, Settings()).ok());
  auto database = RocksDatabase::Open(path, Settings(), {});
  ASSERT_TRUE(database.ok()) << database.status();
  const rocksdb::DBOptions options = (*database)->db()->GetDBOptions();
  EXPECT_TRUE(CheckDatabaseOptions(options).ok());
  EXPECT_EQ(options.wal_recovery_mode,
            rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords);
  EXPECT_EQ(options.max_total_wal_size, uint64_t{512} << 20);
  auto segment = (*database)->CreateSegment(SegmentNumber(2));
  ASSERT_TRUE(segment.ok()) << segment.status();
  rocksdb::ColumnFamilyDescriptor descriptor;
  ASSERT_TRUE((*segment)->GetDescriptor(&descriptor).ok());
  EXPECT_TRUE(CheckFamilyOptions("segment-2", descriptor.options).ok());
}

TEST(RocksOptionsTest, AFamilyThatIsDroppedStallsNobody) {
  const std::string path = FreshDirectory("db");
  ASSERT_TRUE(RocksDatabase::Create(path, Settings()).ok());
  auto database = RocksDatabase::Open(path, Settings(), {});
  ASSERT_TRUE(database.ok()) << database.status();
  auto segment = (*database)->CreateSegment(SegmentNumber(2));
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_FALSE((*database)->WritesStalled());
  // Nothing is flushed from now on, and two memtables are all there may be.
  rocksdb::DB* const db = (*database)->db();
  ASSERT_TRUE(
      db->SetOptions(segment->get(), {{"max_write_buffer_number", "2"}}).ok());
  ASSERT_TRUE(db->PauseBackgroundWork().ok());
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(db->Put({}, segment->get(), "key", "value").ok());
    ASSERT_TRUE(db->Flush(flush, segment->get()).ok());
  }
  EXPECT_TRUE((*database)->WritesStalled());
  ASSERT_TRUE((*database)->DropSegment(*segment).ok());
  EXPECT_FALSE((*database)->WritesStalled());
  ASSERT_TRUE(db->ContinueBackgroundWork().ok());
}

TEST(RocksOptionsTest, UnknownFamilyIsRefused) {
  const std::string path = FreshDirectory("db");
  ASSERT_TRUE(RocksDatabase::Create(path, Settings()).ok());
  {
    auto database = RocksDatabase::Open(path, Settings(), {});
    ASSERT_TRUE(database.ok());
    rocksdb::ColumnFamilyHandle* strange = nullptr;
    ASSERT_TRUE(
        (*database)->db()->CreateColumnFamily({}, "strange", &strange).ok());
    ASSERT_TRUE((*database)->db()->DestroyColumnFamilyHandle(strange).ok());
  }
  const auto database = RocksDatabase::Open(path, Settings(), {});
  EXPECT_TRUE(absl::IsFailedPrecondition(database.status()));
  EXPECT_THAT(std::string(database.status().message()), HasSubstr("strange"));
}

}  // namespace
}  // namespace kappa::storage
