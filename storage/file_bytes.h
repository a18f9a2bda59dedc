// Reading whole files, piece by piece, and their checksums.
#ifndef KAPPA_STORAGE_FILE_BYTES_H_
#define KAPPA_STORAGE_FILE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kappa::storage {

// Gives `take` the file's bytes in order, in pieces of `piece_bytes`; only the
// last one may be shorter. The pages do not stay in the page cache.
// Errors: NOT_FOUND; DATA_LOSS: the disk cannot read a part of it; UNAVAILABLE.
absl::Status ReadFileInPieces(const std::string& path, size_t piece_bytes,
                              absl::FunctionRef<void(std::string_view)> take);

struct FileChecksum {
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
};

// Of the whole file. Errors: as ReadFileInPieces.
absl::StatusOr<FileChecksum> ChecksumFile(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FILE_BYTES_H_
