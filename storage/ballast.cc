#include "storage/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

// Bytes that have their blocks: a file may be sparse.
uint64_t AllocatedBytes(const std::string& path) {
  struct stat info {};
  constexpr uint64_t kUnitBytes = 512;  // of st_blocks, always
  if (stat(path.c_str(), &info) != 0) return 0;
  return std::min(static_cast<uint64_t>(info.st_size),
                  static_cast<uint64_t>(info.st_blocks) * kUnitBytes);
}

// Not 0 on an error, which it is then.
int Allocate(int file, uint64_t bytes) {
  // Unlike posix_fallocate this never writes zeros where the file system
  // cannot preallocate: EOPNOTSUPP says so.
  while (fallocate(file, 0, 0, static_cast<off_t>(bytes)) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

Ballast::Ballast(const std::string& directory)
    : path_(directory + "/ballast") {}

uint64_t Ballast::bytes() const { return AllocatedBytes(path_); }

absl::Status Ballast::Resize(uint64_t bytes) {
  const uint64_t before = AllocatedBytes(path_);
  if (bytes == 0 && before == 0) return absl::OkStatus();
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "open", path_);
  int error = bytes > before ? Allocate(file, bytes) : 0;
  // Also cuts back what a failed attempt took.
  const uint64_t length = error == 0 ? bytes : before;
  if (ftruncate(file, static_cast<off_t>(length)) != 0 && error == 0) {
    error = errno;
  }
  close(file);
  if (error != 0) return FromErrno(error, "preallocate", path_);
  return absl::OkStatus();
}

}  // namespace kappa::storage
