#include "storage/unlinked_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

constexpr uint64_t kFileBytes = uint64_t{80} << 20;

class UnlinkedFilesTest : public testing::Test {
 protected:
  UnlinkedFilesTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~UnlinkedFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string MakeFile(const std::string& name) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << "entries";
    std::filesystem::resize_file(path, kFileBytes);
    return path;
  }
  // Another view of the same file, to see what becomes of it.
  static int Watch(const std::string& path) {
    return open(path.c_str(), O_RDONLY | O_CLOEXEC);
  }
  static uint64_t BytesOf(int descriptor) {
    struct stat status;
    EXPECT_EQ(fstat(descriptor, &status), 0);
    return static_cast<uint64_t>(status.st_size);
  }

  const std::string folder_ = testing::TempDir() + "/unlinked_files_test";
};

TEST_F(UnlinkedFilesTest, FreesWhatHasNoNameLeft) {
  UnlinkedFiles files;
  for (const char* name : {"1.log", "2.log", "3.log"}) {
    const std::string path = MakeFile(name);
    const int watch = Watch(path);
    const int descriptor = UnlinkedFiles::Open(path);
    ASSERT_GE(descriptor, 0);
    ASSERT_TRUE(std::filesystem::remove(path));
    files.Release(descriptor);
    files.Await();
    EXPECT_LE(BytesOf(watch), uint64_t{16} << 20);  // the rest goes at the end
    close(watch);
  }
}

TEST_F(UnlinkedFilesTest, WhatHasANameIsLeftAsItIs) {
  UnlinkedFiles files;
  const std::string path = MakeFile("1.log");
  std::filesystem::create_hard_link(path, folder_ + "/copy");
  const int descriptor = UnlinkedFiles::Open(path);
  ASSERT_TRUE(std::filesystem::remove(path));
  files.Release(descriptor);
  files.Await();
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/copy"), kFileBytes);
  // Not deleted at all, as after an error.
  files.Release(UnlinkedFiles::Open(folder_ + "/copy"));
  files.Await();
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/copy"), kFileBytes);
}

TEST_F(UnlinkedFilesTest, AFileThatIsNotThereIsNothing) {
  UnlinkedFiles files;
  const int descriptor = UnlinkedFiles::Open(folder_ + "/none");
  EXPECT_EQ(descriptor, -1);
  files.Release(descriptor);
  files.Await();
}

TEST_F(UnlinkedFilesTest, TheEndDoesNotWait) {
  UnlinkedFiles files;
  for (int i = 0; i < 100; ++i) {
    const std::string path = MakeFile("1.log");
    const int descriptor = UnlinkedFiles::Open(path);
    ASSERT_TRUE(std::filesystem::remove(path));
    files.Release(descriptor);
  }
}

}  // namespace
}  // namespace kappa::storage
