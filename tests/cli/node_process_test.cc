#include "client/cli/local/node_process.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

using State = NodeProcess::State;

std::string LogFile() {
  return absl::StrCat(std::getenv("TEST_TMPDIR"), "/log");
}

TEST(NodeProcessTest, RunsUntilItIsEnded) {
  auto process = NodeProcess::Start({"/bin/sleep", "60"}, LogFile());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(process->state(), State::kRuns);
  EXPECT_FALSE(process->WaitForEnd(absl::Milliseconds(1)));
  EXPECT_TRUE(process->End(absl::Seconds(30)).ok());
  EXPECT_EQ(process->state(), State::kEnded);
  EXPECT_TRUE(absl::IsNotFound(process->Signal(SIGTERM)));
}

TEST(NodeProcessTest, ALaterProcessOfItsNumberIsAnother) {
  auto process = NodeProcess::Start({"/bin/sleep", "60"}, LogFile());
  ASSERT_TRUE(process.ok()) << process.status();
  const NodeProcess other(process->pid(), process->start_ticks() + 1);
  EXPECT_EQ(other.state(), State::kEnded);
  EXPECT_TRUE(process->End(absl::Seconds(30)).ok());
}

// What a killed process looks like while its last threads end: its first one is
// a zombie, and its files are open.
TEST(NodeProcessTest, RunsWhileAnyOfItsThreadsDoes) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::thread([] { absl::SleepFor(absl::Seconds(60)); }).detach();
    syscall(SYS_exit, 0);  // this thread only
  }
  const std::string stat = absl::StrCat("/proc/", child, "/stat");
  // It has become a zombie.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  std::string state;
  uint64_t start_ticks = 0;
  while (state != "Z" && absl::Now() < deadline) {
    std::ifstream file(stat);
    std::string skipped;
    file >> skipped >> skipped >> state;
    for (int field = 4; field < 22; ++field) file >> skipped;
    file >> start_ticks;
    absl::SleepFor(absl::Milliseconds(1));
  }
  ASSERT_EQ(state, "Z");
  const NodeProcess process(child, start_ticks);
  EXPECT_EQ(process.state(), State::kRuns);
  EXPECT_FALSE(process.WaitForEnd(absl::Milliseconds(1)));
  EXPECT_TRUE(process.Signal(SIGKILL).ok());
  EXPECT_TRUE(process.WaitForEnd(absl::Seconds(30)));
  EXPECT_EQ(process.state(), State::kEnded);
}

}  // namespace
}  // namespace kappa::cli
