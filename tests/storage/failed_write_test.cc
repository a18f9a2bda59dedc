// A failed write is the end (RELIABILITY.md S9): nothing is retried, nothing is
// told durable, and what was told before is there after the restart.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

// While it lives, no file can grow beyond a size: writes fail with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

class FailedWriteTest : public testing::Test {
 protected:
  FailedWriteTest() : path_(FreshDirectory("data")) {}

  void Open() {
    RocksLogStoreOptions options;
    options.directory = path_;
    options.on_fatal = [this](const absl::Status& status) {
      MutexLock lock(&mutex_);
      if (fatal_.ok()) fatal_ = status;
    };
    auto store = RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  absl::Status fatal() {
    MutexLock lock(&mutex_);
    return fatal_;
  }
  absl::Status Append(LogScript* log, size_t bytes) {
    GroupWrite write = log->Empty();
    write.entries.push_back(log->Records(std::string(bytes, 'x')));
    return store_->Commit({&write, 1});
  }

  const std::string path_;
  Mutex mutex_;
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RocksLogStore> store_;
};

TEST_F(FailedWriteTest, FailedLogWriteIsFinal) {
  Open();
  const ReplicaSpec spec = SpecOfGroup(1);
  LogScript log(store_->CreateReplicas({&spec, 1})->front(), spec);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Append(&log, 10'000).ok());
  const ReplicaPosition acknowledged = log.position();
  {
    const FileSizeLimit limit(WalRecords(WalOf(path_)).back() + 20'000);
    EXPECT_FALSE(Append(&log, 100'000).ok());
    EXPECT_FALSE(fatal().ok());
    // Only what is durable is shown.
    EXPECT_EQ(*store_->Position(log.replica()), acknowledged);
  }
  // There would be room again, but nothing is tried any more.
  GroupWrite write = log.Empty();
  write.hard_state = raft::HardState{Term(9), std::nullopt};
  EXPECT_FALSE(store_->Commit({&write, 1}).ok());
  EXPECT_FALSE(store_->CreateReplicas({&spec, 1}).ok());
  EXPECT_EQ(*store_->Position(log.replica()), acknowledged);
  store_.reset();
  Open();
  EXPECT_EQ(*store_->Position(log.replica()), acknowledged);
  LogScript again(log.replica(), acknowledged);
  EXPECT_TRUE(Append(&again, 10).ok());
}

// RocksDB's own writer would end the process by an assertion, not by on_fatal.
TEST_F(FailedWriteTest, AFailedMessageOfRocksDbIsReported) {
  Open();
  const ReplicaSpec spec = SpecOfGroup(1);
  LogScript log(store_->CreateReplicas({&spec, 1})->front(), spec);
  // The next segment, which a thread makes, writes files of its own.
  while (store_->stats().unsealed_segments < 2) {
    ASSERT_TRUE(Append(&log, 10).ok());
  }
  ASSERT_TRUE(fatal().ok());
  {
    const FileSizeLimit limit(0);
    // Closing writes several messages, and nothing else that matters here.
    store_.reset();
  }
  EXPECT_NE(fatal().message().find("db/LOG"), std::string::npos) << fatal();
  Open();
  EXPECT_TRUE(Append(&log, 10).ok());
}

}  // namespace
}  // namespace kappa::storage
