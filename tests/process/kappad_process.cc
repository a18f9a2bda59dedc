#include "tests/process/kappad_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/wire/check.h"

namespace kappa::tests {
namespace {

namespace fs = std::filesystem;

std::string NewTemporaryDirectory() {
  const char* root = std::getenv("TEST_TMPDIR");
  std::string path =
      absl::StrCat(root != nullptr ? root : "/tmp", "/kappad-XXXXXX");
  KAPPA_CHECK(mkdtemp(path.data()) != nullptr, "mkdtemp");
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

int ExitCodeOf(int wait_status) {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
  return 128 + WTERMSIG(wait_status);
}

int RemainingMs(absl::Time deadline) {
  const int64_t ms = absl::ToInt64Milliseconds(deadline - absl::Now()) + 1;
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 1'000'000));
}

// Becomes readable when process `pid` ends; -1 when the kernel cannot.
int OpenPidDescriptor(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

std::string RunfilePath(const std::string& path) {
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) return path;
  return absl::StrCat(root, "/", workspace, "/", path);
}

std::string KappadBinary() {
  const char* binary = std::getenv("KAPPAD");
  if (binary != nullptr) return binary;
  return RunfilePath("server/kappad");
}

KappadProcess::KappadProcess() : KappadProcess(Options()) {}

KappadProcess::KappadProcess(Options options) : options_(std::move(options)) {
  if (options_.binary.empty()) options_.binary = KappadBinary();
  data_dir_ = options_.data_dir;
  if (data_dir_.empty()) {
    data_dir_ = NewTemporaryDirectory();
    owns_data_dir_ = true;
  }
}

KappadProcess::~KappadProcess() {
  Kill();
  if (owns_data_dir_) {
    std::error_code ignored;
    fs::remove_all(data_dir_, ignored);
    fs::remove(LogPath(), ignored);
  }
}

std::string KappadProcess::LogPath() const {
  return absl::StrCat(data_dir_, ".log");
}

std::string KappadProcess::LogTail(size_t bytes) const {
  std::string log = ReadFile(LogPath());
  if (log.size() > bytes) log.erase(0, log.size() - bytes);
  return log;
}

absl::Status KappadProcess::Start() {
  absl::Status launched = Launch();
  return launched.ok() ? AwaitServing() : launched;
}

absl::Status KappadProcess::AwaitServing() {
  return WaitForAddress(absl::Now() + options_.start_timeout);
}

absl::Status KappadProcess::Launch() {
  if (running()) {
    return absl::FailedPreconditionError(
        absl::StrCat("kappad runs already as process ", pid_));
  }
  const std::string address_path = data_dir_ + "/address";
  std::error_code ignored;
  fs::create_directories(data_dir_, ignored);
  fs::remove(address_path, ignored);
  const std::string listen =
      options_.keep_port && !address_.empty() ? address_ : options_.listen;
  // Everything that allocates happens before the fork.
  std::vector<std::string> args = {options_.binary, "--data-dir", data_dir_,
                                   "--listen", listen};
  args.insert(args.end(), options_.args.begin(), options_.args.end());
  // The default is one fixed port, which two processes cannot share.
  if (std::find(args.begin(), args.end(), "--metrics-listen") == args.end()) {
    args.insert(args.end(), {"--metrics-listen", "127.0.0.1:0"});
  }
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    envp.push_back(*variable);
  }
  for (std::string& variable : options_.environment) {
    envp.push_back(variable.data());
  }
  envp.push_back(nullptr);
  const int log =
      open(LogPath().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    return absl::InternalError(absl::StrCat("cannot open ", LogPath()));
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  close(log);
  if (pid < 0) return absl::InternalError("cannot fork");
  pid_ = pid;
  return absl::OkStatus();
}

// Sleeps on two descriptors: a change in the data directory, or the end of the
// process.
absl::Status KappadProcess::WaitForAddress(absl::Time deadline) {
  const int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  KAPPA_CHECK(changes >= 0, "inotify_init1");
  inotify_add_watch(changes, data_dir_.c_str(),
                    IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE);
  const int process = OpenPidDescriptor(pid_);
  absl::Status status;
  while (true) {
    const std::string text = ReadFile(data_dir_ + "/address");
    if (!text.empty() && text.back() == '\n') {
      address_ = std::string(absl::StripSuffix(text, "\n"));
      break;
    }
    if (Reap(/*block=*/false)) {
      status = absl::InternalError(absl::StrCat(options_.binary, " ended with ",
                                                exit_code_, ":\n", LogTail()));
      break;
    }
    const int wait_ms = RemainingMs(deadline);
    if (wait_ms == 0) {
      status = absl::DeadlineExceededError(absl::StrCat(
          options_.binary, " does not serve after ",
          absl::FormatDuration(options_.start_timeout), ":\n", LogTail()));
      break;
    }
    pollfd waits[2] = {{changes, POLLIN, 0}, {process, POLLIN, 0}};
    poll(waits, 2, wait_ms);
    char drained[4096];
    while (read(changes, drained, sizeof(drained)) > 0) {
    }
  }
  close(changes);
  if (process >= 0) close(process);
  if (!status.ok()) Kill();
  return status;
}

bool KappadProcess::Reap(bool block) {
  if (pid_ <= 0) return true;
  int wait_status = 0;
  pid_t done;
  do {
    done = waitpid(pid_, &wait_status, block ? 0 : WNOHANG);
  } while (done < 0 && errno == EINTR);
  if (done == 0) return false;
  exit_code_ = done > 0 ? ExitCodeOf(wait_status) : -1;
  pid_ = 0;
  return true;
}

void KappadProcess::Kill() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  Reap(/*block=*/true);
}

absl::StatusOr<int> KappadProcess::Terminate(absl::Duration timeout) {
  if (!running()) return absl::FailedPreconditionError("kappad does not run");
  kill(pid_, SIGTERM);
  return WaitForExit(timeout);
}

absl::StatusOr<int> KappadProcess::WaitForExit(absl::Duration timeout) {
  if (!running()) return absl::FailedPreconditionError("kappad does not run");
  const int process = OpenPidDescriptor(pid_);
  KAPPA_CHECK(process >= 0, "pidfd_open");
  const absl::Time deadline = absl::Now() + timeout;
  bool ended = false;
  while (!(ended = Reap(/*block=*/false)) && absl::Now() < deadline) {
    pollfd wait = {process, POLLIN, 0};
    poll(&wait, 1, RemainingMs(deadline));
  }
  close(process);
  if (ended) return exit_code_;
  return absl::DeadlineExceededError(absl::StrCat("kappad still runs after ",
                                                  absl::FormatDuration(timeout),
                                                  ":\n", LogTail()));
}

void KappadProcess::Pause() {
  KAPPA_CHECK(running(), "Pause needs a running kappad");
  kill(pid_, SIGSTOP);
}

void KappadProcess::Resume() {
  KAPPA_CHECK(running(), "Resume needs a running kappad");
  kill(pid_, SIGCONT);
}

absl::Duration KappadProcess::CpuTime() const {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid_, "/stat"));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return absl::ZeroDuration();
  // Fields 14 and 15 of the line; the first after the name is field 3.
  std::vector<std::string> fields =
      absl::StrSplit(stat.substr(name_end + 2), ' ');
  if (fields.size() < 13) return absl::ZeroDuration();
  const double ticks = std::stod(fields[11]) + std::stod(fields[12]);
  return absl::Seconds(ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

size_t KappadProcess::ResidentBytes() const {
  const std::string statm = ReadFile(absl::StrCat("/proc/", pid_, "/statm"));
  std::vector<std::string> fields = absl::StrSplit(statm, ' ');
  if (fields.size() < 2) return 0;
  return std::stoull(fields[1]) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace kappa::tests
