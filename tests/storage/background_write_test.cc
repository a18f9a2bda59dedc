#include "storage/background_write.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

constexpr size_t kBlock = 4096;

class BackgroundWriteTest : public testing::Test {
 protected:
  BackgroundWriteTest()
      : path_(std::string(std::getenv("TEST_TMPDIR")) + "/" +
              testing::UnitTest::GetInstance()->current_test_info()->name()),
        file_(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644)),
        bytes_(static_cast<char*>(std::aligned_alloc(kBlock, kBlock))),
        write_(BackgroundWrite::Create()) {
    EXPECT_GE(file_, 0) << std::strerror(errno);
    EXPECT_NE(write_, nullptr);
  }
  ~BackgroundWriteTest() override {
    close(file_);
    std::free(bytes_);
  }

  int Start(char byte, uint64_t at) {
    std::memset(bytes_, byte, kBlock);
    return write_->Start(file_, bytes_, kBlock, at);
  }
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file),
            std::istreambuf_iterator<char>()};
  }

  const std::string path_;
  const int file_;
  char* const bytes_;
  std::unique_ptr<BackgroundWrite> write_;
};

TEST_F(BackgroundWriteTest, WritesOneAfterTheOther) {
  ASSERT_EQ(Start('a', kBlock), 0);
  EXPECT_TRUE(write_->running());
  ASSERT_EQ(write_->Wait(), 0);
  EXPECT_FALSE(write_->running());
  ASSERT_EQ(Start('b', 0), 0);
  ASSERT_EQ(write_->Wait(), 0);
  EXPECT_EQ(Content(), std::string(kBlock, 'b') + std::string(kBlock, 'a'));
}

TEST_F(BackgroundWriteTest, TheEndWaitsForARunningWrite) {
  ASSERT_EQ(Start('a', 0), 0);
  write_.reset();
  EXPECT_EQ(Content(), std::string(kBlock, 'a'));
}

TEST_F(BackgroundWriteTest, AFileThatIsNotOpenIsNotStarted) {
  EXPECT_EQ(write_->Start(-1, bytes_, kBlock, 0), EBADF);
  EXPECT_FALSE(write_->running());
  ASSERT_EQ(Start('a', 0), 0);  // can be used all the same
  EXPECT_EQ(write_->Wait(), 0);
}

TEST_F(BackgroundWriteTest, AFailedWriteTellsItsError) {
  // A file may not grow beyond the process's limit.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = kBlock;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const int started = Start('a', kBlock);
  const int ended = started == 0 ? write_->Wait() : started;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(started, 0);
  EXPECT_EQ(ended, EFBIG);
  EXPECT_EQ(Content(), "");
}

}  // namespace
}  // namespace kappa::storage
