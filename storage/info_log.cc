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

absl::StatusOr<std::shared_ptr<InfoLog>> InfoLog::Create(
    std::string path, std::function<void(const absl::Status&)> on_fatal) {
  const int file = open(
      path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path);
  return std::shared_ptr<InfoLog>(
      new InfoLog(std::move(path), file, std::move(on_fatal)));
}

InfoLog::InfoLog(std::string path, int file,
                 std::function<void(const absl::Status&)> on_fatal)
    : path_(std::move(path)), file_(file), on_fatal_(std::move(on_fatal)) {}

InfoLog::~InfoLog() {
  const rocksdb::Status closed = Close();
  closed.PermitUncheckedError();
  close(file_);
}

rocksdb::Status InfoLog::CloseImpl() { return rocksdb::Status::OK(); }

void InfoLog::Logv(const char* format, va_list arguments) {
  std::string line = LinePrefix() + Format(format, arguments);
  if (!line.ends_with('\n')) line.push_back('\n');
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t written = write(file_, left.data(), left.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (on_fatal_) on_fatal_(FromErrno(errno, "write", path_));
      return;
    }
    left.remove_prefix(static_cast<size_t>(written));
  }
  bytes_ += line.size();
}

}  // namespace kappa::storage
