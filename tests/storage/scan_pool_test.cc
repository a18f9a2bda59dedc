#include "storage/scan_pool.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "storage/rocks_database.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

constexpr ReplicaNumber kReplica(1);

class ScanPoolTest : public testing::Test {
 protected:
  ScanPoolTest() {
    const std::string path = FreshDirectory("db");
    RocksSettings settings;
    settings.memtable_bytes = size_t{8} << 20;
    settings.block_cache = rocksdb::NewLRUCache(1 << 20);
    EXPECT_TRUE(RocksDatabase::Create(path, settings).ok());
    auto database = RocksDatabase::Open(path, settings, {});
    EXPECT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    family_ = database_->TakeSegments().begin()->second;
    for (uint64_t index = 1; index <= 9; ++index) {
      const EntryKey key(kReplica, LogIndex(index));
      EXPECT_TRUE(database_->db()
                      ->Put(rocksdb::WriteOptions(), family_.get(),
                            rocksdb::Slice(key.view().data(), kEntryKeyBytes),
                            "value")
                      .ok());
    }
  }

  std::unique_ptr<LiveScan> Scan(uint64_t from, uint64_t epoch = 0) {
    return std::make_unique<LiveScan>(database_->db(), family_, kReplica,
                                      LogIndex(from), epoch,
                                      pool_.generation());
  }
  std::unique_ptr<LiveScan> Take(uint64_t next, uint64_t epoch = 0) {
    return pool_.Take(family_, kReplica, LogIndex(next), epoch);
  }

  std::unique_ptr<RocksDatabase> database_;
  Family family_;
  ScanPool pool_;  // goes first
};

TEST_F(ScanPoolTest, GivesBackTheScanThatGoesOn) {
  pool_.Give(Scan(3));
  pool_.Give(Scan(5));
  EXPECT_EQ(Take(4), nullptr);
  EXPECT_EQ(pool_.Take(family_, ReplicaNumber(2), LogIndex(3), 0), nullptr);
  EXPECT_EQ(pool_.Take(nullptr, kReplica, LogIndex(3), 0), nullptr);
  const auto scan = Take(3);
  ASSERT_NE(scan, nullptr);
  EXPECT_TRUE(scan->StandsOn(LogIndex(3)));
  EXPECT_EQ(Take(3), nullptr);
  EXPECT_NE(Take(5), nullptr);
}

// What it shows may have been replaced since.
TEST_F(ScanPoolTest, ScanOfAnotherEpochIsNotUsed) {
  pool_.Give(Scan(3, /*epoch=*/1));
  EXPECT_EQ(Take(3, /*epoch=*/2), nullptr);
  EXPECT_NE(Take(3, /*epoch=*/1), nullptr);
}

TEST_F(ScanPoolTest, ScanAtItsEndIsNotKept) {
  pool_.Give(Scan(10));
  EXPECT_EQ(pool_.size(), 0u);
}

TEST_F(ScanPoolTest, FlushEndsEveryScan) {
  pool_.Give(Scan(3));
  auto in_use = Scan(5);
  pool_.DropAll();
  EXPECT_EQ(pool_.size(), 0u);
  pool_.Give(std::move(in_use));  // it was made before the flush
  EXPECT_EQ(pool_.size(), 0u);
  pool_.Give(Scan(5));
  EXPECT_EQ(pool_.size(), 1u);
}

TEST_F(ScanPoolTest, IdleScansGoAtTheSecondLook) {
  pool_.Give(Scan(3));
  pool_.DropIdle();
  EXPECT_EQ(pool_.size(), 1u);
  pool_.Give(Take(3));  // used
  pool_.DropIdle();
  EXPECT_EQ(pool_.size(), 1u);
  pool_.DropIdle();
  EXPECT_EQ(pool_.size(), 0u);
}

TEST_F(ScanPoolTest, IsBounded) {
  for (size_t i = 0; i < 2 * ScanPool::kScansMax; ++i) {
    pool_.Give(Scan(1 + i % 9));
  }
  EXPECT_EQ(pool_.size(), ScanPool::kScansMax);
}

}  // namespace
}  // namespace kappa::storage
