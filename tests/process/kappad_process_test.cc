#include "tests/process/kappad_process.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::tests {
namespace {

using ::testing::HasSubstr;

KappadProcess::Options FakeOptions() {
  KappadProcess::Options options;
  options.binary = RunfilePath("tests/process/fake_kappad");
  return options;
}

TEST(KappadProcessTest, ServesAfterStart) {
  KappadProcess process(FakeOptions());
  ASSERT_TRUE(process.Start().ok());
  EXPECT_EQ(process.address(), "127.0.0.1:4242");
  EXPECT_GT(process.pid(), 0);
  EXPECT_GT(process.ResidentBytes(), 0u);
}

TEST(KappadProcessTest, IgnoresTheAddressFileOfAnEarlierRun) {
  KappadProcess::Options options = FakeOptions();
  options.args = {"--mute"};
  options.start_timeout = absl::Milliseconds(300);
  KappadProcess process(options);
  std::ofstream(process.data_dir() + "/address") << "127.0.0.1:1\n";
  EXPECT_EQ(process.Start().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(process.running());
}

TEST(KappadProcessTest, TellsWhyTheProgramEnded) {
  KappadProcess::Options options = FakeOptions();
  options.args = {"--fail"};
  options.environment = {"GREETING=not today"};
  KappadProcess process(options);
  const absl::Status status = process.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ended with 7"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("refusing: not today"));
}

TEST(KappadProcessTest, RestartsOnTheSamePortAfterAKill) {
  KappadProcess process(FakeOptions());
  ASSERT_TRUE(process.Start().ok());
  const pid_t first = process.pid();
  EXPECT_EQ(process.Start().code(), absl::StatusCode::kFailedPrecondition);
  process.Kill();
  EXPECT_FALSE(process.running());
  ASSERT_TRUE(process.Start().ok());
  EXPECT_NE(process.pid(), first);
  EXPECT_EQ(process.address(), "127.0.0.1:4242");
}

TEST(KappadProcessTest, TerminateReturnsTheExitCode) {
  KappadProcess process(FakeOptions());
  ASSERT_TRUE(process.Start().ok());
  absl::StatusOr<int> code = process.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
  EXPECT_FALSE(std::filesystem::exists(process.data_dir() + "/address"));
}

TEST(KappadProcessTest, RemovesItsTemporaryDirectory) {
  std::string directory;
  {
    KappadProcess process(FakeOptions());
    directory = process.data_dir();
    EXPECT_TRUE(std::filesystem::exists(directory));
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
}

}  // namespace
}  // namespace kappa::tests
