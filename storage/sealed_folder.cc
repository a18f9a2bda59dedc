#include "storage/sealed_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "storage/data_directory.h"
#include "storage/posix_status.h"
#include "storage/sealed_row.h"

namespace kappa::storage {
namespace {

absl::Status MakeSyncedFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error) return FromErrno(error.value(), "make folder", folder);
  return SyncDirectory(std::filesystem::path(folder).parent_path().string());
}

}  // namespace

absl::StatusOr<SealedFolder> SealedFolder::Make(const std::string& sealed_root,
                                                SegmentNumber segment,
                                                uint32_t generation) {
  SealedFolder folder(sealed_root + "/" +
                      SealedFolderName(segment, generation));
  std::error_code error;
  std::filesystem::remove_all(folder.path_, error);
  if (error) return FromErrno(error.value(), "remove", folder.path_);
  absl::Status status = MakeSyncedFolder(sealed_root);
  if (status.ok()) status = MakeSyncedFolder(folder.path_);
  if (!status.ok()) return status;
  return folder;
}

SealedFolder::SealedFolder(SealedFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

SealedFolder::~SealedFolder() {
  if (path_.empty()) return;
  // What stays is a leftover of the next open.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status SealedFolder::Keep() {
  absl::Status status = SyncDirectory(path_);
  if (status.ok()) path_.clear();
  return status;
}

}  // namespace kappa::storage
