#include "storage/info_log.h"

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

// "2026/11/26-09:21:49.337827 7715 ", as RocksDB writes it.
std::string LinePrefix() {
  timeval now{};
  gettimeofday(&now, nullptr);
  tm local{};
  localtime_r(&now.tv_sec, &local);
  char date[32];
  const size_t length =
      std::strftime(date, sizeof(date), "%Y/%m/%d-%H:%M:%S", &local);
  char rest[40];
  std::snprintf(rest, sizeof(rest), ".%06d %d ", static_cast<int>(now.tv_usec),
                static_cast<int>(gettid()));
  return std::string(date, length) + rest;
}

std::string Format(const char* format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return "";
  std::string text(static_cast<size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  return text;
}

}  // namespace

InfoLog::InfoLog(std::string path,
                 std::function<void(const absl::Status&)> on_fatal)
    : path_(std::move(path)), on_fatal_(std::move(on_fatal)) {}

absl::StatusOr<std::shared_ptr<InfoLog>> InfoLog::Create(
    std::string path, std::function<void(const absl::Status&)> on_fatal) {
  std::shared_ptr<InfoLog> log(
      new InfoLog(std::move(path), std::move(on_fatal)));
  const absl::Status begun = log->Begin();
  if (!begun.ok()) return begun;
  return log;
}

std::shared_ptr<InfoLog> InfoLog::Continue(
    std::string path, std::function<void(const absl::Status&)> on_fatal) {
  std::shared_ptr<InfoLog> log(
      new InfoLog(std::move(path), std::move(on_fatal)));
  log->BeginOrTell();  // else the next message tries again
  return log;
}

InfoLog::~InfoLog() {
  const rocksdb::Status closed = Close();
  closed.PermitUncheckedError();
  if (file_ >= 0) close(file_);
}

rocksdb::Status InfoLog::CloseImpl() { return rocksdb::Status::OK(); }

absl::Status InfoLog::Begin() {
  MutexLock lock(&mutex_);
  if (file_ >= 0) return absl::OkStatus();
  const int file = open(
      path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path_);
  file_ = file;
  return absl::OkStatus();
}

bool InfoLog::BeginOrTell() {
  const absl::Status begun = Begin();
  if (!begun.ok() && !absl::IsResourceExhausted(begun) && on_fatal_) {
    on_fatal_(begun);
  }
  return begun.ok();
}

void InfoLog::Logv(const char* format, va_list arguments) {
  if (file_ < 0) {
    if (!BeginOrTell()) {
      ++dropped_;
      return;
    }
    const std::string gap = std::to_string(dropped_.load()) +
                            " messages before this one were dropped: the file "
                            "could not be made\n";
    Write(LinePrefix() + gap);
  }
  std::string line = LinePrefix() + Format(format, arguments);
  if (!line.ends_with('\n')) line.push_back('\n');
  Write(line);
}

void InfoLog::Write(std::string_view line) {
  bytes_ += line.size();
  while (!line.empty()) {
    const ssize_t written = write(file_, line.data(), line.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (on_fatal_) on_fatal_(FromErrno(errno, "write", path_));
      return;
    }
    line.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace kappa::storage
