#include "storage/rocks_log.h"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "storage/fail_stop_file_system.h"

namespace kappa::storage {
namespace {

constexpr size_t kFileBytesMax = 64 << 10;

class RocksLogTest : public testing::Test {
 protected:
  RocksLogTest() {
    std::filesystem::remove_all(folder_);
    rocksdb::DBOptions options;
    options.max_log_file_size = kFileBytesMax;
    options.keep_log_file_num = 3;
    options.env = env_.get();
    auto log = OpenRocksLog(folder_, options);
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  ~RocksLogTest() override {
    log_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string Newest() const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/LOG").rdbuf();
    return text.str();
  }

  // The next message begins a new file.
  void FillFile() {
    rocksdb::Info(log_, "%s", std::string(kFileBytesMax, 'x').c_str());
  }

  const std::string folder_ = testing::TempDir() + "/rocks_log_test";
  absl::Status fatal_;
  const std::unique_ptr<rocksdb::Env> env_ =
      NewFailStopEnv(rocksdb::FileSystem::Default(),
                     [this](const absl::Status& status) { fatal_ = status; });
  std::shared_ptr<rocksdb::Logger> log_;
};

TEST_F(RocksLogTest, LinesAndHeadersAreWritten) {
  rocksdb::Header(log_, "family %s", "segment-7");
  rocksdb::Warn(log_, "flush of %d", 12);
  log_.reset();
  const std::string text = Newest();
  EXPECT_NE(text.find("family segment-7"), std::string::npos) << text;
  EXPECT_NE(text.find("[WARN] flush of 12"), std::string::npos) << text;
}

TEST_F(RocksLogTest, HeadersOfThePastDoNotFillNewFiles) {
  const std::string header(1000, 'h');
  for (int i = 0; i < 1000; ++i) {
    rocksdb::Header(log_, "%d %s", i, header.c_str());
  }
  rocksdb::Info(log_, "the end");
  log_.reset();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ++files;
    EXPECT_LT(entry.file_size(), 2 * kFileBytesMax) << entry.path();
  }
  EXPECT_LE(files, 4u);
  EXPECT_NE(Newest().find("the end"), std::string::npos);
  EXPECT_EQ(Newest().find(" 0 " + header), std::string::npos);
}

// RocksDB would end the process by an assertion at the second message.
TEST_F(RocksLogTest, MessagesAreDroppedWhileTooManyFilesAreOpen) {
  FillFile();
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 3; ++i) rocksdb::Info(log_, "dropped %d", i);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  rocksdb::Info(log_, "back again");
  log_.reset();
  EXPECT_TRUE(fatal_.ok()) << fatal_;
  EXPECT_NE(Newest().find("back again"), std::string::npos);
  EXPECT_NE(Newest().find("3 messages"), std::string::npos);
  EXPECT_EQ(Newest().find("dropped 0"), std::string::npos);
}

TEST_F(RocksLogTest, ANewFileThatCannotBeMadeForAnotherReasonIsReported) {
  FillFile();
  std::filesystem::remove_all(folder_);
  for (int i = 0; i < 3; ++i) rocksdb::Info(log_, "nowhere %d", i);
  EXPECT_NE(fatal_.message().find(folder_), std::string::npos) << fatal_;
}

TEST_F(RocksLogTest, AFirstFileThatCannotBeMadeIsAnError) {
  rocksdb::DBOptions options;
  options.max_log_file_size = kFileBytesMax;
  options.env = env_.get();
  EXPECT_FALSE(OpenRocksLog("/dev/null/db", options).ok());
  EXPECT_TRUE(fatal_.ok()) << fatal_;
}

}  // namespace
}  // namespace kappa::storage
