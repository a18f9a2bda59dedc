#include "storage/file_bytes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "proto/wire/crc32c.h"
#include "storage/data_directory.h"
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

absl::Status WriteSynced(const std::string& path, std::string_view bytes) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path);
  absl::Status status;
  while (!bytes.empty() && status.ok()) {
    const ssize_t done = write(file, bytes.data(), bytes.size());
    if (done >= 0) {
      bytes.remove_prefix(static_cast<size_t>(done));
    } else if (errno != EINTR) {
      status = FromErrno(errno, "write", path);
    }
  }
  if (status.ok() && fsync(file) != 0) status = FromErrno(errno, "sync", path);
  close(file);
  return status;
}

}  // namespace

absl::Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string next = path + ".next";
  const absl::Status status = WriteSynced(next, bytes);
  if (!status.ok()) return status;
  if (std::rename(next.c_str(), path.c_str()) != 0) {
    return FromErrno(errno, "rename", next);
  }
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

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
