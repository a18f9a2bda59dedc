#include "storage/file_bytes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "proto/wire/crc32c.h"
#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

constexpr size_t kChecksumPieceBytes = size_t{1} << 20;

absl::Status ReadFailed(int error, const std::string& path, uint64_t at) {
  if (error != EIO) return FromErrno(error, "read", path);
  return absl::DataLossError(
      absl::StrCat(path, ": the disk cannot read it at byte ", at));
}

// Fills `piece`; returns how much of it there was.
absl::StatusOr<size_t> ReadPiece(int file, const std::string& path, uint64_t at,
                                 std::string* piece) {
  size_t done = 0;
  while (done < piece->size()) {
    const ssize_t got = read(file, piece->data() + done, piece->size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ReadFailed(errno, path, at + done);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::Status ReadOpened(int file, const std::string& path, size_t piece_bytes,
                        absl::FunctionRef<void(std::string_view)> take) {
  std::string piece(piece_bytes, '\0');
  uint64_t at = 0;
  while (true) {
    absl::StatusOr<size_t> got = ReadPiece(file, path, at, &piece);
    if (!got.ok()) return got.status();
    if (*got > 0) take(std::string_view(piece).substr(0, *got));
    if (*got < piece_bytes) return absl::OkStatus();
    at += *got;
    posix_fadvise(file, 0, static_cast<off_t>(at), POSIX_FADV_DONTNEED);
  }
}

}  // namespace

absl::Status ReadFileInPieces(const std::string& path, size_t piece_bytes,
                              absl::FunctionRef<void(std::string_view)> take) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FromErrno(errno, "open", path);
  const absl::Status status = ReadOpened(file, path, piece_bytes, take);
  close(file);
  return status;
}

absl::StatusOr<FileChecksum> ChecksumFile(const std::string& path) {
  FileChecksum checksum;
  const absl::Status status = ReadFileInPieces(
      path, kChecksumPieceBytes, [&checksum](std::string_view piece) {
        checksum.bytes += piece.size();
        checksum.crc32c = ExtendCrc32c(checksum.crc32c, piece);
      });
  if (!status.ok()) return status;
  return checksum;
}

}  // namespace kappa::storage
