// What a ReplacedFile does with each failure (RELIABILITY.md S9, S10). Devices
// in the place of PATH.next fail as a disk does.
#include "storage/replaced_file.h"

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

using testing::HasSubstr;

constexpr char kWriteFailsWithEio[] = "/proc/self/mem";
constexpr char kWriteFailsWithEnospc[] = "/dev/full";
constexpr char kSyncFails[] = "/dev/null";

class ReplacedFileTest : public testing::Test {
 protected:
  ReplacedFileTest() : path_(FreshDirectory("replaced") + "/file") {
    std::filesystem::create_directories(
        std::filesystem::path(path_).parent_path());
    EXPECT_TRUE(file_.Replace("old").ok());
  }
  void Break(const char* device) {
    std::filesystem::create_symlink(device, path_ + ".next");
  }
  void Mend() { std::filesystem::remove(path_ + ".next"); }
  // A failure that is told, and final though the disk works again.
  void ExpectFatal(const std::string& message) {
    const absl::Status failed = file_.Replace("new");
    EXPECT_THAT(std::string(failed.message()), HasSubstr(message));
    EXPECT_EQ(fatal_, std::vector<absl::Status>{failed});
    Mend();
    EXPECT_EQ(file_.Replace("new"), failed);
    EXPECT_EQ(fatal_.size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".next"));
    EXPECT_EQ(ReadAll(path_), "old");
  }

  const std::string path_;
  std::vector<absl::Status> fatal_;
  ReplacedFile file_{
      path_, [this](const absl::Status& status) { fatal_.push_back(status); }};
};

TEST_F(ReplacedFileTest, HasTheNewBytes) {
  EXPECT_EQ(ReadAll(path_), "old");
  EXPECT_TRUE(file_.Replace("new").ok());
  EXPECT_EQ(ReadAll(path_), "new");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".next"));
}

TEST_F(ReplacedFileTest, AFailedWriteIsFinal) {
  Break(kWriteFailsWithEio);
  ExpectFatal("write " + path_ + ".next: Input/output error");
}

TEST_F(ReplacedFileTest, AFailedSyncIsFinal) {
  Break(kSyncFails);
  ExpectFatal("sync " + path_ + ".next: ");
}

TEST_F(ReplacedFileTest, AFailedRenameIsFinal) {
  std::filesystem::remove(path_);
  std::filesystem::create_directories(path_ + "/sub");
  const absl::Status failed = file_.Replace("new");
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(fatal_, std::vector<absl::Status>{failed});
}

TEST_F(ReplacedFileTest, WithoutRoomItIsTriedAgain) {
  Break(kWriteFailsWithEnospc);
  EXPECT_TRUE(absl::IsResourceExhausted(file_.Replace("new")));
  EXPECT_EQ(ReadAll(path_), "old");
  Mend();
  EXPECT_TRUE(file_.Replace("new").ok());
  EXPECT_EQ(ReadAll(path_), "new");
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(ReplacedFileTest, WhatCannotBeOpenedIsTriedAgain) {
  std::filesystem::create_directory(path_ + ".next");
  EXPECT_FALSE(file_.Replace("new").ok());
  Mend();
  EXPECT_TRUE(file_.Replace("new").ok());
  EXPECT_TRUE(fatal_.empty());
}

}  // namespace
}  // namespace kappa::storage
