#include "tests/simulation/isolated_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/wire/check.h"

namespace kappa::simulation {
namespace {

// One that does not end fails like one that dies.
constexpr unsigned kSecondsMax = 600;

// A run's outcome as bytes, without the text of the breach.
struct Outcome {
  uint64_t trace = 0;
  RunCounts counts;
};

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

[[noreturn]] void RunChild(const SimulationOptions& options,
                           const FaultPlan& plan, void (*prepare)(),
                           const Pipe& results, const Pipe& errors) {
  close(results.ends[0]);
  close(errors.ends[0]);
  dup2(errors.ends[1], STDERR_FILENO);
  alarm(kSecondsMax);
  if (prepare != nullptr) prepare();
  const RunResult run = Simulation(options, plan).Run();
  const Outcome outcome{run.trace, run.counts};
  WriteAll(results.ends[1], &outcome, sizeof(outcome));
  WriteAll(results.ends[1], run.breach.data(), run.breach.size());
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

IsolatedResult RunIsolated(const SimulationOptions& options,
                           const FaultPlan& plan, void (*prepare)()) {
  const Pipe results;
  const Pipe errors;
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t child = fork();
  KAPPA_CHECK(child >= 0, "a child process");
  if (child == 0) RunChild(options, plan, prepare, results, errors);
  close(results.ends[1]);
  close(errors.ends[1]);
  const std::string bytes = ReadAll(results.ends[0]);
  const std::string printed = ReadAll(errors.ends[0]);
  close(results.ends[0]);
  close(errors.ends[0]);
  int status = 0;
  KAPPA_CHECK(waitpid(child, &status, 0) == child, "the child ends");

  IsolatedResult result;
  Outcome outcome;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
      bytes.size() < sizeof(outcome)) {
    result.died = true;
    result.run.breach = absl::StrCat(
        "the process died",
        WIFSIGNALED(status) ? absl::StrCat(" of signal ", WTERMSIG(status))
                            : "",
        ": ", absl::StripAsciiWhitespace(printed));
    return result;
  }
  std::memcpy(&outcome, bytes.data(), sizeof(outcome));
  result.run.trace = outcome.trace;
  result.run.counts = outcome.counts;
  result.run.breach = bytes.substr(sizeof(outcome));
  return result;
}

}  // namespace kappa::simulation
