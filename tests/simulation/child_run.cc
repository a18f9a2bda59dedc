#include "tests/simulation/child_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/wire/check.h"

namespace kappa::simulation {
namespace {

// One that does not end fails like one that dies.
constexpr unsigned kSecondsMax = 600;

struct Pipe {
  Pipe() { KAPPA_CHECK(pipe(ends) == 0, "a pipe"); }
  int ends[2];
};

void WriteAll(int file, const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = write(file, at, size);
    if (written <= 0) _exit(97);
    at += written;
    size -= static_cast<size_t>(written);
  }
}

std::string ReadAll(int file) {
  std::string bytes;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(file, buffer, sizeof(buffer));
    if (got <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

[[noreturn]] void RunChild(const std::function<std::string()>& work,
                           const Pipe& results, const Pipe& errors) {
  close(results.ends[0]);
  close(errors.ends[0]);
  dup2(errors.ends[1], STDERR_FILENO);
  alarm(kSecondsMax);
  const std::string bytes = work();
  WriteAll(results.ends[1], bytes.data(), bytes.size());
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

ChildResult RunInChild(const std::function<std::string()>& work) {
  const Pipe results;
  const Pipe errors;
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t child = fork();
  KAPPA_CHECK(child >= 0, "a child process");
  if (child == 0) RunChild(work, results, errors);
  close(results.ends[1]);
  close(errors.ends[1]);
  ChildResult result;
  result.bytes = ReadAll(results.ends[0]);
  const std::string printed = ReadAll(errors.ends[0]);
  close(results.ends[0]);
  close(errors.ends[0]);
  int status = 0;
  KAPPA_CHECK(waitpid(child, &status, 0) == child, "the child ends");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return result;
  result.died = true;
  result.how = absl::StrCat(
      "the process died",
      WIFSIGNALED(status) ? absl::StrCat(" of signal ", WTERMSIG(status)) : "",
      ": ", absl::StripAsciiWhitespace(printed));
  return result;
}

}  // namespace kappa::simulation
