#include "storage/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

// Blocks that are there, not the length: a file may be sparse.
uint64_t AllocatedBytes(const std::string& path) {
  struct stat info {};
  constexpr uint64_t kUnitBytes = 512;  // of st_blocks, always
  return stat(path.c_str(), &info) == 0
             ? static_cast<uint64_t>(info.st_blocks) * kUnitBytes
             : 0;
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
    : path_(directory + "/ballast"), bytes_(AllocatedBytes(path_)) {}

absl::Status Ballast::Resize(uint64_t bytes) {
  if (bytes == 0 && bytes_ == 0) return absl::OkStatus();
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "open", path_);
  const uint64_t before = bytes_;
  int error = bytes > before ? Allocate(file, bytes) : 0;
  // Also cuts back what a failed attempt took.
  const uint64_t length = error == 0 ? bytes : before;
  if (ftruncate(file, static_cast<off_t>(length)) != 0 && error == 0) {
    error = errno;
  }
  close(file);
  bytes_ = length;
  if (error != 0) return FromErrno(error, "preallocate", path_);
  return absl::OkStatus();
}

}  // namespace kappa::storage
