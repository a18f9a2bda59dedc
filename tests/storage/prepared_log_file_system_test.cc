// What is appended through PreparedLogFileSystem is what the file holds, with
// nothing but zeros behind it while it is open, and nothing once it is closed.
#include "storage/prepared_log_file_system.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "storage/log_preparer.h"
#include "storage/rocks_options.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/faulty_file_system.h"

namespace kappa::storage {
namespace {

using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class PreparedLogFileSystemTest : public testing::Test {
 protected:
  PreparedLogFileSystemTest() {
    std::filesystem::create_directories(folder_);
    files_ = NewPreparedLogFileSystem(
        std::make_shared<FaultyFileSystem>(
            [this](const std::string& operation, const std::string&) {
              return operation == failing_ ? IOStatus::IOError("injected")
                                           : IOStatus::OK();
            }),
        [this](const absl::Status& status) { fatal_ = status; });
  }
  void SetUp() override {
    ASSERT_TRUE(SupportsDirectIo(folder_)) << folder_ << " lacks direct I/O";
  }
  ~PreparedLogFileSystemTest() override {
    file_.reset();
    files_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Create(const std::string& path) {
    const IOStatus made =
        files_->NewWritableFile(path, rocksdb::FileOptions(), &file_, nullptr);
    ASSERT_TRUE(made.ok()) << made.ToString();
  }
  void Append(const std::string& bytes) {
    const IOStatus status = file_->Append(bytes, options_, nullptr);
    ASSERT_TRUE(status.ok()) << status.ToString();
    appended_ += bytes;
    EXPECT_EQ(file_->GetFileSize(options_, nullptr), appended_.size());
  }
  void Sync() {
    const IOStatus status = file_->Sync(options_, nullptr);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Close() {
    const IOStatus status = file_->Close(options_, nullptr);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  std::string Bytes(size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }
  // The content, and nothing but zeros behind it.
  void ExpectOpenFile() {
    const std::string bytes = ReadAll(path_);
    ASSERT_GE(bytes.size(), appended_.size());
    EXPECT_TRUE(bytes.starts_with(appended_));
    EXPECT_EQ(bytes.find_first_not_of('\0', appended_.size()),
              std::string::npos);
  }
  // Waits, as small syncs go on, until the file is longer by `bytes` at least
  // than its content.
  void AwaitPrepared(uint64_t bytes) {
    while (std::filesystem::file_size(path_) < appended_.size() + bytes) {
      ASSERT_NO_FATAL_FAILURE(Append(Bytes(100)));
      ASSERT_NO_FATAL_FAILURE(Sync());
      std::this_thread::yield();
    }
  }

  const std::string folder_ = FreshDirectory("prepared_log_file_system");
  const std::string path_ = folder_ + "/000007.log";
  const IOOptions options_;
  std::mt19937_64 random_{7};
  std::string failing_;
  absl::Status fatal_;
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::string appended_;
};

TEST_F(PreparedLogFileSystemTest, HoldsWhatIsAppended) {
  Create(path_);
  for (int i = 0; i < 600; ++i) {
    const size_t bytes_max = i % 50 == 49 ? 3 * kMiB : 20'000;
    ASSERT_NO_FATAL_FAILURE(Append(Bytes(random_() % bytes_max)));
    if (i % 3 == 0) Sync();
    if (i % 40 == 0) ExpectOpenFile();
  }
  ExpectOpenFile();
  Close();
  EXPECT_EQ(ReadAll(path_), appended_);
  EXPECT_TRUE(fatal_.ok()) << fatal_;
}

TEST_F(PreparedLogFileSystemTest, SmallSyncsArePreparedFor) {
  Create(path_);
  AwaitPrepared(kMiB / 2);
  ExpectOpenFile();
  Append(Bytes(100 * kMiB));
  AwaitPrepared(3 * kMiB);  // of a long log more
  ExpectOpenFile();
  EXPECT_LE(std::filesystem::file_size(path_), appended_.size() + 5 * kMiB);
  Close();
  EXPECT_EQ(std::filesystem::file_size(path_), appended_.size());
}

TEST_F(PreparedLogFileSystemTest, LargeSyncsAreNot) {
  Create(path_);
  for (int i = 0; i < 64; ++i) {
    Append(Bytes(kMiB));
    Sync();
  }
  // What the first ones asked for was written over long ago.
  EXPECT_LT(std::filesystem::file_size(path_), appended_.size() + 4096);
  ExpectOpenFile();
}

TEST_F(PreparedLogFileSystemTest, AFileThatIsLetGoUnclosedKeepsItsContent) {
  Create(path_);
  AwaitPrepared(kMiB / 2);
  file_.reset();
  ExpectOpenFile();
}

TEST_F(PreparedLogFileSystemTest, OtherFilesAreLeftAlone) {
  const std::string path = folder_ + "/000008.sst";
  Create(path);
  Append("table");
  Sync();
  EXPECT_EQ(ReadAll(path), "table");
}

TEST_F(PreparedLogFileSystemTest, FailuresAreTheWriters) {
  for (const char* operation : {"write", "sync", "truncate", "close"}) {
    failing_.clear();
    Create(path_);
    failing_ = operation;
    IOStatus status = file_->Append("abc", options_, nullptr);
    if (status.ok()) status = file_->Sync(options_, nullptr);
    if (status.ok()) status = file_->Close(options_, nullptr);
    EXPECT_TRUE(status.IsIOError()) << operation;
  }
}

class PreparedRangeTest : public testing::Test {
 protected:
  PreparedRangeTest() {
    std::filesystem::create_directories(folder_);
    WriteAll(path_, "");
    range_ = PreparedRange::Open(path_);
  }
  void SetUp() override {
    ASSERT_TRUE(SupportsDirectIo(folder_)) << folder_ << " lacks direct I/O";
  }
  ~PreparedRangeTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = FreshDirectory("prepared_range");
  const std::string path_ = folder_ + "/000007.log";
  std::shared_ptr<PreparedRange> range_;
};

TEST_F(PreparedRangeTest, WhatTheWriterTookIsNotWritten) {
  ASSERT_NE(range_, nullptr);
  ASSERT_TRUE(range_->Aim(10 * 4096));
  EXPECT_FALSE(range_->Aim(20 * 4096)) << "it is under way";
  range_->Take(3 * 4096);
  const auto piece = range_->BeginPiece(2 * 4096);
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece->at, 3u * 4096);
  EXPECT_EQ(piece->bytes, 2u * 4096);
  range_->Take(3 * 4096);  // is not touched by the piece
  std::atomic<bool> taken{false};
  std::thread writer([&] {
    range_->Take(7 * 4096);
    taken = true;
  });
  range_->EndPiece(4096 + 5);  // one block, and a part of another
  writer.join();
  EXPECT_TRUE(taken);
  EXPECT_EQ(range_->end(), 7u * 4096);
  const auto next = range_->BeginPiece(kMiB);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->at, 7u * 4096);
  EXPECT_EQ(next->bytes, 3u * 4096);
  range_->EndPiece(next->bytes);
  EXPECT_FALSE(range_->BeginPiece(kMiB).has_value());
  EXPECT_TRUE(range_->Aim(20 * 4096));
}

TEST_F(PreparedRangeTest, NothingFollowsAFailureOrTheEnd) {
  ASSERT_TRUE(range_->Aim(kMiB));
  ASSERT_TRUE(range_->BeginPiece(4096).has_value());
  range_->EndPiece(0);
  EXPECT_FALSE(range_->BeginPiece(4096).has_value());
  EXPECT_FALSE(range_->Aim(2 * kMiB));
  EXPECT_EQ(range_->end(), 0u);
}

// RELIABILITY.md S9. The descriptor is not fit for writing.
TEST_F(PreparedRangeTest, AFailedWriteIsTold) {
  absl::Status fatal;
  {
    LogPreparer preparer(
        [&fatal](const absl::Status& status) { fatal = status; });
    const int read_only = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(dup2(read_only, range_->descriptor()), 0);
    close(read_only);
    preparer.Extend(range_, kMiB);
    preparer.Await();
  }
  EXPECT_FALSE(fatal.ok());
  EXPECT_NE(fatal.message().find(path_), std::string::npos) << fatal;
  EXPECT_EQ(range_->end(), 0u);
}

TEST_F(PreparedRangeTest, FillsWithZeros) {
  LogPreparer preparer(nullptr);
  preparer.Extend(range_, 3 * kMiB + 4096);
  preparer.Await();
  EXPECT_EQ(range_->end(), 3 * kMiB + 4096);
  EXPECT_EQ(ReadAll(path_), std::string(3 * kMiB + 4096, '\0'));
}

}  // namespace
}  // namespace kappa::storage
