#include "storage/replaced_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

constexpr std::string_view kSync = "sync";

// Closes what it holds.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  ~OpenFile() {
    if (file_ >= 0) close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

}  // namespace

absl::Status ReplacedFile::Failed(int error, std::string_view operation,
                                  std::string_view path) {
  absl::Status status = FromErrno(error, operation, path);
  // A sync that fails says so once, and then OK, whatever it failed of.
  if (error == ENOSPC && operation != kSync) return status;
  fatal_ = status;
  if (on_fatal_) on_fatal_(status);
  return status;
}

absl::Status ReplacedFile::WriteNext(int file, std::string_view bytes) {
  const std::string next = path_ + ".next";
  while (!bytes.empty()) {
    const ssize_t done = write(file, bytes.data(), bytes.size());
    if (done >= 0) {
      bytes.remove_prefix(static_cast<size_t>(done));
    } else if (errno != EINTR) {
      return Failed(errno, "write", next);
    }
  }
  if (fsync(file) != 0) return Failed(errno, kSync, next);
  return absl::OkStatus();
}

absl::Status ReplacedFile::Replace(std::string_view bytes) {
  if (!fatal_.ok()) return fatal_;
  const std::string folder = std::filesystem::path(path_).parent_path();
  const std::string next = path_ + ".next";
  // What can fail for other reasons than the disk comes first.
  const OpenFile directory(
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return FromErrno(errno, "open", folder);
  {
    const OpenFile file(
        open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return FromErrno(errno, "create", next);
    const absl::Status written = WriteNext(file.get(), bytes);
    if (!written.ok()) return written;
  }
  if (std::rename(next.c_str(), path_.c_str()) != 0) {
    return Failed(errno, "rename", next);
  }
  if (fsync(directory.get()) != 0) return Failed(errno, kSync, folder);
  return absl::OkStatus();
}

}  // namespace kappa::storage
