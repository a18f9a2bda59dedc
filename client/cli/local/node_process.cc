#include "client/cli/local/node_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace kappa::cli {
namespace {

// The header of these, of glibc 2.36, does not say that they are of C.
int PidfdOpen(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}
int PidfdSendSignal(int process, int signal) {
  return static_cast<int>(
      syscall(SYS_pidfd_send_signal, process, signal, nullptr, 0));
}

// The kernel has to take its memory back.
constexpr absl::Duration kKillTimeout = absl::Seconds(30);

// What /proc/PID/stat says: fields 3, 20 and 22.
struct ProcessStat {
  char state = 0;  // of its first thread
  uint32_t threads = 0;
  uint64_t start_ticks = 0;
};

std::optional<ProcessStat> ReadStat(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  // The second field is the name in parentheses, which may hold anything.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  ProcessStat found;
  fields >> found.state;
  std::string skipped;
  for (int field = 4; field < 20; ++field) fields >> skipped;
  fields >> found.threads >> skipped >> found.start_ticks;
  if (!fields) return std::nullopt;
  return found;
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Spawn attributes and file actions, freed together.
class SpawnPlan {
 public:
  explicit SpawnPlan(const std::string& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                     O_CREAT | O_WRONLY | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID |
                                               POSIX_SPAWN_SETSIGMASK |
                                               POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<NodeProcess> NodeProcess::Start(std::vector<std::string> words,
                                               const std::string& log) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const SpawnPlan plan(log);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], plan.actions(),
                                plan.attributes(), argv.data(), environ);
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start ", words[0], " with the log file ", log,
                     ": ", std::strerror(error)));
  }
  // There until we wait for it, even when it ended at once.
  const std::optional<ProcessStat> stat = ReadStat(pid);
  if (!stat.has_value()) {
    kill(pid, SIGKILL);
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read /proc/", pid, "/stat"));
  }
  return NodeProcess(pid, stat->start_ticks);
}

NodeProcess::State NodeProcess::state() const {
  if (pid_ <= 0) return State::kEnded;
  const std::optional<ProcessStat> stat = ReadStat(pid_);
  if (!stat.has_value() || stat->start_ticks != start_ticks_) {
    return State::kEnded;
  }
  switch (stat->state) {
    case 'Z':
      // Nobody has asked for its exit code; or its other threads still end, and
      // it holds its ports and its directory until they have.
      return stat->threads > 1 ? State::kRuns : State::kEnded;
    case 'X':
      return State::kEnded;
    case 'T':
      return State::kPaused;
    default:
      return State::kRuns;
  }
}

absl::Status NodeProcess::Signal(int signal) const {
  const absl::Status ended =
      absl::NotFoundError(absl::StrCat("process ", pid_, " has ended"));
  if (pid_ <= 0) return ended;
  // Looked at after it is held: who is looked at is who is signalled.
  const FileDescriptor process(PidfdOpen(pid_));
  if (process.get() < 0 || state() == State::kEnded) return ended;
  if (PidfdSendSignal(process.get(), signal) == 0) {
    return absl::OkStatus();
  }
  if (errno == ESRCH) return ended;
  return absl::FailedPreconditionError(
      absl::StrCat("cannot signal process ", pid_, ": ", std::strerror(errno)));
}

bool NodeProcess::WaitForEnd(absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  const FileDescriptor process(pid_ <= 0 ? -1 : PidfdOpen(pid_));
  while (process.get() >= 0 && state() != State::kEnded) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd end{process.get(), POLLIN, 0};
    poll(&end, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
  }
  // If it is a child of ours, nobody else will.
  if (pid_ > 0) waitpid(pid_, nullptr, WNOHANG);
  return true;
}

absl::Status NodeProcess::End(absl::Duration grace) const {
  absl::Status sent = Signal(SIGTERM);
  if (sent.ok()) sent = Signal(SIGCONT);
  if (sent.ok() && !WaitForEnd(grace)) {
    sent = Signal(SIGKILL);
    if (sent.ok() && !WaitForEnd(kKillTimeout)) {
      return absl::FailedPreconditionError(
          absl::StrCat("process ", pid_, " was killed and does not end"));
    }
  }
  return absl::IsNotFound(sent) ? absl::OkStatus() : sent;
}

}  // namespace kappa::cli
