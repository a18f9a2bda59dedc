#include "server/disk_guard.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "server/disk_limits.h"

namespace kappa::server {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// What the ballast has on the real file system.
uint64_t BallastOnDisk(const std::string& directory) {
  struct stat info {};
  if (stat((directory + "/ballast").c_str(), &info) != 0) return 0;
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

// A file system of 800 MiB, of which others use as much as a test says.
class DiskGuardTest : public testing::Test {
 protected:
  DiskGuardTest() {
    std::string pattern = testing::TempDir() + "/disk_guard_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    settings_ = {.low_bytes = 8 * kMiB,
                 .critical_bytes = 4 * kMiB,
                 .ballast_bytes = 4 * kMiB};
  }
  ~DiskGuardTest() override {
    guard_.reset();
    std::string command = "rm -r '" + directory_ + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  void Start(uint64_t others_bytes) {
    others_bytes_ = others_bytes;
    auto guard = DiskGuard::Start(
        {.data_dir = directory_,
         .settings = settings_,
         .reserve_bytes = 640 * kMiB,
         .probe = [this]() -> absl::StatusOr<FileSystemSpace> {
           if (fails_) return absl::UnavailableError("no answer");
           return FileSystemSpace{800 * kMiB, 800 * kMiB - others_bytes_ -
                                                  BallastOnDisk(directory_)};
         }});
    ASSERT_TRUE(guard.ok()) << guard.status();
    guard_ = *std::move(guard);
  }
  void LeaveFree(uint64_t bytes) {
    others_bytes_ = 800 * kMiB - BallastOnDisk(directory_) - bytes;
    guard_->Check();
  }
  DiskLevel level() const { return guard_->state()->level(); }

  std::string directory_;
  DiskSettings settings_;
  uint64_t others_bytes_ = 0;
  bool fails_ = false;
  std::unique_ptr<DiskGuard> guard_;
};

TEST_F(DiskGuardTest, MakesTheBallastOnceItMay) {
  Start(0);
  EXPECT_EQ(level(), DiskLevel::kAmple);
  EXPECT_EQ(BallastOnDisk(directory_), 0u);
  guard_->Check();
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  EXPECT_EQ(guard_->state()->ballast_bytes(), 4 * kMiB);
  EXPECT_TRUE(guard_->state()->CheckAccepting().ok());
  EXPECT_FALSE(guard_->state()->low());
}

TEST_F(DiskGuardTest, LowRefusesAndKeepsTheBallast) {
  Start(0);
  guard_->Check();
  LeaveFree(8 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kAmple);
  LeaveFree(8 * kMiB - 1);
  EXPECT_EQ(level(), DiskLevel::kLow);
  EXPECT_TRUE(guard_->state()->low());
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  const absl::Status refusal = guard_->state()->CheckAccepting();
  EXPECT_EQ(refusal.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refusal.message(),
            "the data directory's file system has 8388607 bytes free, less "
            "than 8388608: free some space");
  EXPECT_TRUE(guard_->state()->CheckNotCritical().ok());
  EXPECT_EQ(guard_->state()->refusals(), 1u);
}

TEST_F(DiskGuardTest, CriticalReleasesTheBallast) {
  Start(0);
  guard_->Check();
  LeaveFree(4 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kLow);
  LeaveFree(4 * kMiB - 1);
  EXPECT_EQ(level(), DiskLevel::kCritical);
  EXPECT_EQ(BallastOnDisk(directory_), 0u);
  EXPECT_EQ(guard_->state()->ballast_bytes(), 0u);
  EXPECT_FALSE(guard_->state()->CheckAccepting().ok());
  EXPECT_FALSE(guard_->state()->CheckNotCritical().ok());
  // What it gave back does not make the disk look better.
  guard_->Check();
  EXPECT_EQ(level(), DiskLevel::kCritical);
}

TEST_F(DiskGuardTest, SpaceThatReturnsIsTakenBackAndUsed) {
  Start(0);
  guard_->Check();
  LeaveFree(1 * kMiB);
  ASSERT_EQ(level(), DiskLevel::kCritical);
  // Enough for the ballast, and an eighth more than the critical threshold.
  LeaveFree(4 * kMiB + 4 * kMiB + kMiB / 2 - 1);
  EXPECT_EQ(level(), DiskLevel::kCritical);
  LeaveFree(4 * kMiB + 4 * kMiB + kMiB / 2);
  EXPECT_EQ(level(), DiskLevel::kLow);
  EXPECT_EQ(BallastOnDisk(directory_), 0u);
  LeaveFree(4 * kMiB + 9 * kMiB - 1);
  EXPECT_EQ(level(), DiskLevel::kLow);
  LeaveFree(4 * kMiB + 9 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kAmple);
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  EXPECT_TRUE(guard_->state()->CheckAccepting().ok());
}

// Somebody who needs the space may take it.
TEST_F(DiskGuardTest, ABallastThatSomebodyRemovedIsMissed) {
  Start(0);
  guard_->Check();
  ASSERT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  ASSERT_EQ(unlink((directory_ + "/ballast").c_str()), 0);
  // What it lacks is not free: 9 MiB are 5.
  LeaveFree(9 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kLow);
  EXPECT_EQ(guard_->state()->ballast_bytes(), 0u);
  LeaveFree(700 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kAmple);
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  EXPECT_EQ(guard_->state()->ballast_bytes(), 4 * kMiB);
  ASSERT_EQ(truncate((directory_ + "/ballast").c_str(), 2 * kMiB), 0);
  guard_->Check();
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
}

// Before the lock is held the directory may be another process's.
TEST_F(DiskGuardTest, TheStartTouchesNothing) {
  Start(0);
  guard_->Check();
  guard_.reset();
  Start(799 * kMiB - 4 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kAmple);
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
}

TEST_F(DiskGuardTest, ABallastThatIsThereServesTheOpening) {
  Start(0);
  guard_->Check();
  ASSERT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  guard_.reset();
  EXPECT_EQ(BallastOnDisk(directory_), 4 * kMiB);
  Start(799 * kMiB - 4 * kMiB);
  guard_->OnLocked();
  EXPECT_EQ(level(), DiskLevel::kCritical);
  EXPECT_EQ(BallastOnDisk(directory_), 0u);
}

TEST_F(DiskGuardTest, NoAnswerChangesNothing) {
  Start(0);
  guard_->Check();
  LeaveFree(5 * kMiB);
  fails_ = true;
  LeaveFree(800 * kMiB - 4 * kMiB);
  EXPECT_EQ(level(), DiskLevel::kLow);
}

TEST_F(DiskGuardTest, TellsEachNewLevelOnItsOwn) {
  Start(0);
  guard_->Check();
  others_bytes_ = 791 * kMiB;  // 5 MiB are left
  Mutex mutex;
  CondVar told;
  std::vector<DiskLevel> levels;
  guard_->Watch([&](DiskLevel level) {
    MutexLock lock(&mutex);
    levels.push_back(level);
    told.SignalAll();
  });
  MutexLock lock(&mutex);
  while (levels.size() < 2) {
    ASSERT_TRUE(told.WaitFor(&mutex, 10'000'000));
  }
  EXPECT_EQ(levels, (std::vector{DiskLevel::kAmple, DiskLevel::kLow}));
}

TEST(DiskLimitsTest, AreScaledToTheFileSystem) {
  const DiskLimits large = ResolveDiskLimits({}, 640 * kMiB, 1'000'000 * kMiB);
  EXPECT_EQ(large.ballast_bytes, 640 * kMiB);
  EXPECT_EQ(large.critical_bytes, 640 * kMiB);
  EXPECT_EQ(large.low_bytes, 1280 * kMiB);
  const DiskLimits small = ResolveDiskLimits({}, 640 * kMiB, 512 * kMiB);
  EXPECT_EQ(small.ballast_bytes, 64 * kMiB);
  EXPECT_EQ(small.critical_bytes, 64 * kMiB);
  EXPECT_EQ(small.low_bytes, 128 * kMiB);
}

TEST(DiskLimitsTest, SettingsWin) {
  const DiskLimits set = ResolveDiskLimits(
      {.low_bytes = 3 * kMiB, .critical_bytes = 2 * kMiB, .ballast_bytes = 0},
      640 * kMiB, 512 * kMiB);
  EXPECT_EQ(set.low_bytes, 3 * kMiB);
  EXPECT_EQ(set.critical_bytes, 2 * kMiB);
  EXPECT_EQ(set.ballast_bytes, 0u);
  const DiskLimits raised = ResolveDiskLimits(
      {.low_bytes = {}, .critical_bytes = 999 * kMiB, .ballast_bytes = {}},
      640 * kMiB, 512 * kMiB);
  EXPECT_EQ(raised.low_bytes, 999 * kMiB);
}

TEST(ProbeSpaceTest, AsksTheFileSystem) {
  const auto space = ProbeSpace(testing::TempDir());
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->size_bytes, space->free_bytes);
  EXPECT_FALSE(ProbeSpace("/no/such/directory").ok());
}

}  // namespace
}  // namespace kappa::server
