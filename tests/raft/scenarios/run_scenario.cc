// Runs scenario files: bazel run //tests/raft/scenarios:run_scenario -- FILE...
// A relative path counts from the folder in which Bazel was called.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/raft/scenarios/runner/runner.h"

namespace {

// Returns true if the file was read and everything in it holds.
bool RunFile(const std::filesystem::path& path, const std::string& name) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string failure = kappa::raft::RunScenario(name, text);
  std::printf("%s\n",
              failure.empty() ? (name + ": holds").c_str() : failure.c_str());
  return failure.empty();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: run_scenario FILE...\n");
    return 2;
  }
  const char* caller = std::getenv("BUILD_WORKING_DIRECTORY");
  bool all_hold = true;
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path root = caller == nullptr ? "." : caller;
    all_hold &= RunFile(root / argv[i], argv[i]);
  }
  return all_hold ? 0 : 1;
}
