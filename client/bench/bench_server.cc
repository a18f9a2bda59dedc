#include "client/bench/bench_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kappa::bench {

namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(10);
constexpr absl::Duration kPoll = absl::Milliseconds(10);

absl::StatusOr<std::string> FindProgram(const std::string& named) {
  std::vector<fs::path> candidates;
  const char* environment = std::getenv("KAPPAD");
  std::error_code error;
  if (!named.empty()) {
    candidates.emplace_back(named);
  } else if (environment != nullptr && *environment != '\0') {
    candidates.emplace_back(environment);
  } else {
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    candidates.push_back(self.parent_path() / "kappad");
    // As built: bazel-bin/client/cli/kappa and bazel-bin/server/kappad.
    candidates.push_back(self.parent_path() / "../../server/kappad");
  }
  for (const fs::path& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return absl::NotFoundError(absl::StrCat(
      "no program ", candidates.front().string(),
      ": name kappad with --kappad PATH, or a running one with --server"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(
    BenchServerOptions options) {
  std::unique_ptr<BenchServer> server(new BenchServer(std::move(options)));
  if (!server->options_.server.empty()) {
    server->address_ = server->options_.server;
    return server;
  }
  const absl::StatusOr<std::string> program =
      FindProgram(server->options_.kappad);
  if (!program.ok()) return program.status();
  absl::Status status = server->PrepareDirectory();
  if (status.ok()) status = server->Spawn(*program);
  if (status.ok()) status = server->WaitForAddress();
  if (!status.ok()) return status;
  return server;
}

absl::Status BenchServer::PrepareDirectory() {
  std::error_code error;
  if (options_.data_dir.empty()) {
    std::string pattern =
        (fs::temp_directory_path(error) / "kappa-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("cannot make ", pattern, ": ", std::strerror(errno)));
    }
    directory_ = pattern;
    temporary_ = true;
    return absl::OkStatus();
  }
  directory_ = options_.data_dir;
  fs::create_directories(directory_, error);
  if (error || !fs::is_empty(directory_, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--data-dir ", directory_,
                     error ? ": " + error.message() : " is not empty"));
  }
  return absl::OkStatus();
}

absl::Status BenchServer::Spawn(const std::string& program) {
  const std::string log = directory_ + "/bench-kappad.log";
  const std::string data = directory_ + "/data";
  std::vector<std::string> words = {program, "--dev",    "--data-dir",
                                    data,    "--listen", "127.0.0.1:0"};
  words.insert(words.end(), options_.arguments.begin(),
               options_.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot start ", program, ": ", std::strerror(errno)));
  }
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd >= 0) {
      dup2(fd, STDOUT_FILENO);
      dup2(fd, STDERR_FILENO);
    }
    execv(argv[0], argv.data());
    _exit(127);
  }
  return absl::OkStatus();
}

absl::Status BenchServer::WaitForAddress() {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (absl::Now() < deadline) {
    std::ifstream file(directory_ + "/data/address");
    if (std::getline(file, address_) && !address_.empty()) {
      return absl::OkStatus();
    }
    int wait_status = 0;
    if (waitpid(pid_, &wait_status, WNOHANG) == pid_) {
      pid_ = 0;
      return absl::UnavailableError(
          absl::StrCat("kappad ended at once: ", LogTail()));
    }
    absl::SleepFor(kPoll);
  }
  return absl::UnavailableError(
      absl::StrCat("kappad does not serve: ", LogTail()));
}

std::string BenchServer::LogTail() const {
  std::ifstream file(directory_ + "/bench-kappad.log");
  std::stringstream text;
  text << file.rdbuf();
  const std::string log = text.str();
  return log.size() <= 2000 ? log : log.substr(log.size() - 2000);
}

std::optional<ProcessUsage> BenchServer::Usage() const {
  std::vector<pid_t> pids = options_.pids;
  if (pid_ != 0) pids = {pid_};
  if (pids.empty()) return std::nullopt;
  ProcessUsage sum;
  for (const pid_t pid : pids) {
    const absl::StatusOr<ProcessUsage> usage = ReadProcessUsage(pid);
    if (!usage.ok()) return std::nullopt;
    sum.cpu_s += usage->cpu_s;
    sum.written_bytes += usage->written_bytes;
    sum.read_bytes += usage->read_bytes;
    sum.rss_bytes = std::max(sum.rss_bytes, usage->rss_bytes);
    sum.rss_max_bytes = std::max(sum.rss_max_bytes, usage->rss_max_bytes);
  }
  return sum;
}

BenchServer::~BenchServer() {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    const absl::Time deadline = absl::Now() + kStopTimeout;
    int wait_status = 0;
    while (waitpid(pid_, &wait_status, WNOHANG) == 0) {
      if (absl::Now() > deadline) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &wait_status, 0);
        break;
      }
      absl::SleepFor(kPoll);
    }
  }
  std::error_code error;
  if (temporary_) fs::remove_all(directory_, error);
}

}  // namespace kappa::bench
