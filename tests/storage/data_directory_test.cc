#include "storage/data_directory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest()
      : path_(std::string(std::getenv("TEST_TMPDIR")) + "/" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(path_);
  }

  absl::StatusOr<std::unique_ptr<DataDirectory>> Open() {
    return DataDirectory::Open(path_);
  }
  // A directory whose creation is over.
  void Make() {
    auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status();
    ASSERT_TRUE((*directory)->FinishCreation().ok());
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(path_ + "/" + name) << text;
  }
  std::string Read(const std::string& name) {
    std::ifstream in(path_ + "/" + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  const std::string path_;
};

TEST_F(DataDirectoryTest, AbsentOneIsMade) {
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->fresh());
  EXPECT_TRUE(fs::is_directory((*directory)->database_path()));
  EXPECT_TRUE(fs::is_directory((*directory)->sealed_path()));
  ASSERT_TRUE((*directory)->FinishCreation().ok());
  EXPECT_EQ(Read("FORMAT"), "kappa data directory, format 1\n");
  EXPECT_FALSE(fs::exists(path_ + "/CREATING"));
}

TEST_F(DataDirectoryTest, AForeignOneIsRefusedAndLeftAsItIs) {
  fs::create_directories(path_);
  for (const char* name : {"thesis.tex", "b", "a", "c", "d"}) Write(name, "");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("it holds a, b, c and 2 more; name a new or an empty"));
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 5);
}

TEST_F(DataDirectoryTest, ANewFileSystemIsEmpty) {
  fs::create_directories(path_ + "/lost+found");
  Write("LOCK", "");  // of a creation that ended at once
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->fresh());
}

TEST_F(DataDirectoryTest, ExistingOneIsNotFresh) {
  Make();
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_FALSE((*directory)->fresh());
}

TEST_F(DataDirectoryTest, InterruptedCreationBeginsAnew) {
  { auto directory = Open(); }  // never finished
  Write("db/half", "x");
  Write("watermark", "half");
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->fresh());
  EXPECT_FALSE(fs::exists(path_ + "/db/half"));
  EXPECT_FALSE(fs::exists(path_ + "/watermark"));
}

TEST_F(DataDirectoryTest, CreationInterruptedAtItsEndIsFinished) {
  Make();
  Write("CREATING", "");
  Write("db/kept", "x");
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_FALSE((*directory)->fresh());
  EXPECT_TRUE(fs::exists(path_ + "/db/kept"));
  EXPECT_FALSE(fs::exists(path_ + "/CREATING"));
}

TEST_F(DataDirectoryTest, NewerFormatIsRefused) {
  Make();
  Write("FORMAT", "kappa data directory, format 2\n");
  const auto directory = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(directory.status()));
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("says format 2; this build reads formats up to 1"));
}

TEST_F(DataDirectoryTest, UnreadableFormatIsRefused) {
  Make();
  for (const char* text : {"", "kappa", "kappa data directory, format x\n",
                           "kappa data directory, format 0\n",
                           "kappa data directory, format -1\n"}) {
    Write("FORMAT", text);
    EXPECT_TRUE(absl::IsDataLoss(Open().status())) << text;
  }
}

TEST_F(DataDirectoryTest, DataWithoutFormatIsRefusedAndKept) {
  Make();
  fs::remove(path_ + "/FORMAT");
  Write("db/kept", "x");
  const auto directory = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(directory.status()));
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("FORMAT file is missing"));
  EXPECT_TRUE(fs::exists(path_ + "/db/kept"));
}

TEST_F(DataDirectoryTest, SecondOpenNamesTheProcess) {
  auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_EQ(std::string(second.status().message()),
            "data directory " + path_ + " is in use by process " +
                std::to_string(getpid()));
}

TEST_F(DataDirectoryTest, SecondProcessIsRefused) {
  auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string holder = std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    const auto second = DataDirectory::Open(path_);
    const bool refused =
        absl::IsFailedPrecondition(second.status()) &&
        std::string(second.status().message()).ends_with("process " + holder);
    _exit(refused ? 0 : 1);
  }
  int state = -1;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

TEST_F(DataDirectoryTest, LockGoesWithItsHolder) {
  Make();
  EXPECT_TRUE(Open().ok());
  EXPECT_TRUE(Open().ok());
}

}  // namespace
}  // namespace kappa::storage
