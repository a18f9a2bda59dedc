// KappadProcess: a real kappad (or any program that keeps its contract) run by
// a test.
#ifndef KAPPA_TESTS_PROCESS_KAPPAD_PROCESS_H_
#define KAPPA_TESTS_PROCESS_KAPPAD_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kappa::tests {

// Starts, kills and restarts one server over one data directory.
//
// Contract of the program: with `--listen 127.0.0.1:0` it picks a free port and
// writes "HOST:PORT\n" to DATA-DIR/address (by rename) once it serves; the file
// is removed on a clean exit. A stale file is removed before each start.
//
// The process dies with the test (PR_SET_PDEATHSIG). What it writes goes to
// LogPath().
//
// Thread safety: thread-compatible. Start, Kill and Terminate must be called
// from one thread that lives as long as the process shall.
class KappadProcess {
 public:
  struct Options {
    // The program. Empty: KappadBinary().
    std::string binary;
    // Empty: a new directory under $TEST_TMPDIR, removed in the destructor.
    std::string data_dir;
    // "127.0.0.1:0", or a fixed address. A restart keeps the port that the
    // first start got, so that clients find the server again.
    std::string listen = "127.0.0.1:0";
    bool keep_port = true;
    // Added after `--data-dir D --listen A`. `--metrics-listen 127.0.0.1:0`
    // is added unless it is here with another value.
    std::vector<std::string> args = {"--dev"};
    // "NAME=VALUE", added to the environment.
    std::vector<std::string> environment;
    // Bound on Start.
    absl::Duration start_timeout = absl::Seconds(30);
  };

  KappadProcess();
  explicit KappadProcess(Options options);
  // Kills the process if it runs.
  ~KappadProcess();
  KappadProcess(const KappadProcess&) = delete;
  KappadProcess& operator=(const KappadProcess&) = delete;

  // Starts the program and waits until it serves. May be called again after
  // Kill or Terminate.
  // Errors: FAILED_PRECONDITION: it runs already; INTERNAL: it could not be
  // started or ended (with the end of its log); DEADLINE_EXCEEDED.
  absl::Status Start();
  // The same in two steps, for processes that serve only once all of them run.
  absl::Status Launch();
  absl::Status AwaitServing();

  // Sends SIGKILL and waits for the end. No-op when it does not run.
  void Kill();

  // Sends SIGTERM and waits for the end. Returns the exit code, or 128 + the
  // signal that ended it. Errors: DEADLINE_EXCEEDED: it still runs.
  absl::StatusOr<int> Terminate(absl::Duration timeout = absl::Seconds(10));

  // Waits for an end that something else causes; returns as Terminate.
  absl::StatusOr<int> WaitForExit(absl::Duration timeout);

  // Stops (SIGSTOP) and continues (SIGCONT) the process.
  void Pause();
  void Resume();

  bool running() const { return pid_ > 0; }
  // 0 when it does not run.
  pid_t pid() const { return pid_; }
  // HOST:PORT of the last start.
  const std::string& address() const { return address_; }
  const std::string& data_dir() const { return data_dir_; }
  std::string LogPath() const;
  // The last `bytes` of the log.
  std::string LogTail(size_t bytes = 4000) const;
  // CPU time used by the running process so far (user + system).
  absl::Duration CpuTime() const;
  // Resident memory of the running process now, in bytes.
  size_t ResidentBytes() const;

 private:
  absl::Status WaitForAddress(absl::Time deadline);
  // Takes the exit status if the process ended; true then.
  bool Reap(bool block);

  Options options_;
  std::string data_dir_;
  bool owns_data_dir_ = false;
  std::string address_;
  pid_t pid_ = 0;
  int exit_code_ = 0;
};

// Path of the kappad that Bazel built: $KAPPAD if set, else server/kappad in
// the test's runfiles (the test needs data = ["//server:kappad"]).
std::string KappadBinary();

// A path in the test's runfiles.
std::string RunfilePath(const std::string& path);

}  // namespace kappa::tests

#endif  // KAPPA_TESTS_PROCESS_KAPPAD_PROCESS_H_
