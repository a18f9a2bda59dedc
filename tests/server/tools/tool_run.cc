#include "tests/server/tools/tool_run.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/process/kappad_process.h"

namespace kappa::tests {
namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

ToolRun RunKappad(const std::vector<std::string>& arguments) {
  const std::string out = testing::TempDir() + "/tool.out";
  const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ToolRun run = RunKappadTo(file, arguments);
  close(file);
  run.out = ReadFile(out);
  return run;
}

ToolRun RunKappadTo(int output, const std::vector<std::string>& arguments) {
  const std::string err = testing::TempDir() + "/tool.err";
  std::vector<std::string> words = {KappadBinary()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    const int mode = O_WRONLY | O_CREAT | O_TRUNC;
    dup2(output, STDOUT_FILENO);
    dup2(open(err.c_str(), mode, 0644), STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  ToolRun run;
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  run.err = ReadFile(err);
  return run;
}

}  // namespace kappa::tests
