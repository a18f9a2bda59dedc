#include "storage/segment_lifecycle.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "storage/keys.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

constexpr auto kDeadline = std::chrono::seconds(60);

// Refuses new files while it is full.
class FullEnv final : public rocksdb::EnvWrapper {
 public:
  FullEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "FullEnv"; }
  rocksdb::Status NewWritableFile(const std::string& path,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    if (full) {
      ++refusals;
      return refusal;
    }
    return EnvWrapper::NewWritableFile(path, file, options);
  }

  std::atomic<bool> full{false};
  rocksdb::Status refusal = rocksdb::Status::NoSpace("full");
  std::atomic<int> refusals{0};
};

class SegmentLifecycleTest : public testing::Test {
 protected:
  SegmentLifecycleTest() : path_(FreshDirectory("data")) {
    std::filesystem::create_directories(path_);
    RocksSettings settings;
    settings.memtable_bytes = size_t{8} << 20;
    settings.block_cache = rocksdb::NewLRUCache(1 << 20);
    EXPECT_TRUE(RocksDatabase::Create(path_ + "/db", settings).ok());
    auto database = RocksDatabase::Open(path_ + "/db", settings, {});
    EXPECT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    SstReaderCacheOptions reader_options;
    reader_options.block_cache = settings.block_cache;
    reader_options.direct_io = false;
    readers_ = std::make_unique<SstReaderCache>(reader_options);
    entries_ =
        std::make_unique<EntryReader>(database_->db(), &directory_, &scans_);
    for (auto& [number, family] : database_->TakeSegments()) {
      active_ = number;
      family_ = family;
      entries_->AddLive(number, family);
    }
  }
  ~SegmentLifecycleTest() override {
    lifecycle_.reset();
    scans_.DropAll();
  }

  // Entries 1 to `last` of a replica, in the segment that is active.
  void PutReplica(uint64_t number, uint64_t last) {
    const ReplicaNumber replica(number);
    for (uint64_t index = 1; index <= last; ++index) {
      const EntryKey key(replica, LogIndex(index));
      ASSERT_TRUE(
          database_->db()
              ->Put(rocksdb::WriteOptions(), family_.get(),
                    rocksdb::Slice(key.view().data(), key.view().size()),
                    std::string(1000, 'v'))
              .ok());
    }
    ReplicaPosition position;
    position.last.index = LogIndex(last);
    replicas_.Add(replica, SpecOfGroup(number), position);
    directory_.AddReplica(replica, LogIndex(0));
    directory_.PutRow(active_, replica, {LogIndex(1), Offset(0), 0});
  }

  void Start(int64_t retry_period_us) {
    SegmentLifecycleOptions options;
    options.segment_bytes = 1;
    options.sealed_root = path_ + "/sealed";
    options.sealer.sealed_root = options.sealed_root;
    options.sealer.env = &env_;
    options.sealer.direct_io = false;
    options.retry_period_us = retry_period_us;
    options.paused = paused_;
    options.sealer.paused = paused_.get();
    options.on_fatal = [](const absl::Status& status) {
      ADD_FAILURE() << "fatal: " << status;
    };
    SegmentLifecycleParts parts;
    parts.database = database_.get();
    parts.directory = &directory_;
    parts.entries = entries_.get();
    parts.replicas = &replicas_;
    parts.readers = readers_.get();
    parts.scans = &scans_;
    lifecycle_ = std::make_unique<SegmentLifecycle>(std::move(options), parts,
                                                    active_, 1);
  }
  template <typename Condition>
  bool Await(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // Switches to the next segment, so that the active one can be sealed.
  bool Switch() {
    return Await([this, from = lifecycle_->active()] {
      lifecycle_->SwitchIfFull();
      return lifecycle_->active() != from;
    });
  }

  const std::string path_;
  FullEnv env_;
  const std::shared_ptr<std::atomic<bool>> paused_ =
      std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<RocksDatabase> database_;
  ScanPool scans_;
  SegmentDirectory directory_;
  ReplicaTable replicas_;
  std::unique_ptr<SstReaderCache> readers_;
  std::unique_ptr<EntryReader> entries_;
  SegmentNumber active_;
  Family family_;
  std::unique_ptr<SegmentLifecycle> lifecycle_;
};

// A disk that is nearly full: nothing is sealed until there is room again, and
// then it is without anything else happening.
TEST_F(SegmentLifecycleTest, APauseEndsByItself) {
  PutReplica(1, 100);
  *paused_ = true;
  Start(/*retry_period_us=*/100'000);
  ASSERT_TRUE(Switch());
  // The second one shows that the thread looked for work in between.
  lifecycle_->AddBytes(1);
  ASSERT_TRUE(Switch());
  EXPECT_FALSE(lifecycle_->rows_ready());
  EXPECT_FALSE(std::filesystem::exists(path_ + "/sealed"));
  *paused_ = false;
  EXPECT_TRUE(Await([this] { return lifecycle_->rows_ready(); }));
}

TEST_F(SegmentLifecycleTest, ASealThatFoundNoSpaceIsTriedAgain) {
  PutReplica(1, 100);
  env_.full = true;
  Start(/*retry_period_us=*/10'000);
  ASSERT_TRUE(Switch());
  ASSERT_TRUE(Await([this] { return env_.refusals >= 3; }))
      << "it is tried by itself";
  EXPECT_FALSE(lifecycle_->rows_ready());
  env_.full = false;
  EXPECT_TRUE(Await([this] { return lifecycle_->rows_ready(); }))
      << "nothing else happened, but there is space again";
}

TEST_F(SegmentLifecycleTest, ASealThatFoundTooManyOpenFilesIsTriedAgain) {
  PutReplica(1, 100);
  env_.refusal = rocksdb::Status::IOError("While open a file for appending",
                                          std::strerror(EMFILE));
  env_.full = true;
  Start(/*retry_period_us=*/10'000);
  ASSERT_TRUE(Switch());
  ASSERT_TRUE(Await([this] { return env_.refusals >= 3; }));
  EXPECT_FALSE(lifecycle_->rows_ready());
  env_.full = false;
  EXPECT_TRUE(Await([this] { return lifecycle_->rows_ready(); }));
}

TEST_F(SegmentLifecycleTest, ADamagedSegmentDoesNotHoldUpOthers) {
  PutReplica(1, 100);
  replicas_.Add(ReplicaNumber(2), SpecOfGroup(2), [] {
    ReplicaPosition position;
    position.last.index = LogIndex(5);
    return position;
  }());
  directory_.AddReplica(ReplicaNumber(2), LogIndex(0));
  directory_.PutRow(active_, ReplicaNumber(2), {LogIndex(1), Offset(0), 0});
  // Its entries are missing.
  Start(/*retry_period_us=*/3'600'000'000);
  ASSERT_TRUE(Switch());
  active_ = lifecycle_->active();
  family_ = lifecycle_->active_family();
  PutReplica(3, 100);
  lifecycle_->AddBytes(1);
  ASSERT_TRUE(Switch());
  EXPECT_TRUE(Await([this] { return lifecycle_->rows_ready(); }));
}

}  // namespace
}  // namespace kappa::storage
