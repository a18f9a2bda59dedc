// SealedFolder: a folder that is being filled with the files of a sealed
// segment.
#ifndef KAPPA_STORAGE_SEALED_FOLDER_H_
#define KAPPA_STORAGE_SEALED_FOLDER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// Removed on destruction unless it was kept.
//
// Thread safety: thread-compatible.
class SealedFolder {
 public:
  // Makes the folder (and `sealed_root`, when it is not there), without what an
  // earlier attempt may have left in it. Its name is durable.
  static absl::StatusOr<SealedFolder> Make(const std::string& sealed_root,
                                           SegmentNumber segment,
                                           uint32_t generation);
  ~SealedFolder();
  SealedFolder(SealedFolder&& other) noexcept;
  SealedFolder& operator=(SealedFolder&&) = delete;

  const std::string& path() const { return path_; }
  // Makes the names in it durable; it stays.
  absl::Status Keep();

 private:
  explicit SealedFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: nothing to remove
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALED_FOLDER_H_
