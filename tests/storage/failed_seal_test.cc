// A seal that fails on the way: what is short ends it until later, a failed
// write or sync ends the process (RELIABILITY.md S9). Sealed files are written
// through the store's file system.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/faulty_file_system.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

using rocksdb::IOStatus;

constexpr auto kDeadline = std::chrono::seconds(60);

class FailedSealTest : public testing::Test {
 protected:
  // From now on the operation fails for sealed files.
  void Open(const std::string& operation, IOStatus error) {
    RocksLogStoreOptions options;
    options.directory = path_;
    options.segment_bytes = kSegmentBytesMin;
    options.file_system = std::make_shared<FaultyFileSystem>(
        [this, operation, error](const std::string& now,
                                 const std::string& path) {
          if (!failing_ || now != operation ||
              path.find("/sealed/") == std::string::npos) {
            return IOStatus::OK();
          }
          ++failures_;
          return error;
        });
    options.on_fatal = [this](const absl::Status& status) {
      MutexLock lock(&mutex_);
      if (fatal_.ok()) fatal_ = status;
    };
    auto store = RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    const ReplicaSpec spec = SpecOfGroup(1);
    log_ = std::make_unique<LogScript>(
        store_->CreateReplicas({&spec, 1})->front(), spec);
  }
  absl::Status fatal() {
    MutexLock lock(&mutex_);
    return fatal_;
  }
  // Appends until `done`; false if that takes too long.
  bool AppendUntil(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!done()) {
      GroupWrite write = log_->Empty();
      write.entries.push_back(log_->Records(std::string(20'000, 'x')));
      if (!store_->Commit({&write, 1}).ok()) return false;
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }

  void ExpectSealedLater() {
    ASSERT_TRUE(AppendUntil([this] { return failures_ > 0; }));
    EXPECT_EQ(store_->stats().sealed_segments, 0u);
    failing_ = false;
    EXPECT_TRUE(
        AppendUntil([this] { return store_->stats().sealed_segments > 0; }));
    EXPECT_TRUE(fatal().ok()) << fatal();
    const auto first = store_->Read(log_->replica(), LogIndex(1), LogIndex(1),
                                    1, ReadClass::kPoint);
    EXPECT_TRUE(first.ok()) << first.status();
  }
  void ExpectFatal() {
    EXPECT_TRUE(AppendUntil([this] { return !fatal().ok(); }));
    EXPECT_NE(fatal().message().find("/sealed/"), std::string::npos) << fatal();
  }

  const std::string path_ = FreshDirectory("data");
  std::atomic<bool> failing_{true};
  std::atomic<int> failures_{0};
  Mutex mutex_;
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RocksLogStore> store_;
  std::unique_ptr<LogScript> log_;
};

TEST_F(FailedSealTest, TooManyOpenFilesAreWaitedFor) {
  Open("create", IOStatus::IOError("sealed", std::strerror(EMFILE)));
  ExpectSealedLater();
}

TEST_F(FailedSealTest, SpaceIsWaitedForBeforeTheFirstWrite) {
  Open("create", IOStatus::NoSpace("sealed"));
  ExpectSealedLater();
}

TEST_F(FailedSealTest, SpaceIsWaitedForAmongTheWrites) {
  Open("write", IOStatus::NoSpace("sealed"));
  ExpectSealedLater();
}

TEST_F(FailedSealTest, AFailedWriteIsFatal) {
  Open("write", IOStatus::IOError("sealed", std::strerror(EIO)));
  ExpectFatal();
}

TEST_F(FailedSealTest, AFailedSyncIsFatal) {
  Open("sync", IOStatus::IOError("sealed", std::strerror(EIO)));
  ExpectFatal();
}

}  // namespace
}  // namespace kappa::storage
