// Every scenario file of this folder is a test case of its own.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "tests/raft/scenarios/runner/runner.h"

namespace kappa::raft {
namespace {

constexpr char kFolder[] = "tests/raft/scenarios";

class ScenarioFile : public testing::Test {
 public:
  explicit ScenarioFile(std::filesystem::path path) : path_(std::move(path)) {}

  void TestBody() override {
    std::ifstream file(path_);
    ASSERT_TRUE(file) << path_ << " cannot be read";
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string failure = RunScenario(path_.string(), text);
    EXPECT_TRUE(failure.empty()) << failure;
  }

 private:
  std::filesystem::path path_;
};

// An invariant of a core that does not hold ends the process: say where.
void TellLine(int) {
  std::fprintf(stderr, "in scenario %s\n", PresentLine());
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

std::set<std::filesystem::path> Files() {
  std::set<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) {
    if (file.path().extension() == ".txt") files.insert(file.path());
  }
  return files;
}

// No file is lost on the way to this test, and each bug of RAFT.md has one.
TEST(ScenariosTest, EveryBugHasAScenario) {
  std::set<std::string> bugs;
  for (const std::filesystem::path& path : Files()) {
    const std::string name = path.stem().string();
    if (name.starts_with("bug")) bugs.insert(name.substr(0, 5));
  }
  EXPECT_EQ(bugs.size(), 30u);
  EXPECT_GE(Files().size(), 200u);
}

void RegisterFiles() {
  for (const std::filesystem::path& path : Files()) {
    testing::RegisterTest(
        "Scenario", path.stem().c_str(), nullptr, nullptr, path.c_str(), 1,
        [path]() -> testing::Test* { return new ScenarioFile(path); });
  }
}

}  // namespace
}  // namespace kappa::raft

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::signal(SIGABRT, kappa::raft::TellLine);
  kappa::raft::RegisterFiles();
  return RUN_ALL_TESTS();
}
