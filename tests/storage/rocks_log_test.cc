#include "storage/rocks_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

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

  const std::string folder_ = testing::TempDir() + "/rocks_log_test";
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

}  // namespace
}  // namespace kappa::storage
