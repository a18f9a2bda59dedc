// SealedFolderWriter: writes the files of one sealed segment, in key order.
#ifndef KAPPA_STORAGE_SEALED_FOLDER_WRITER_H_
#define KAPPA_STORAGE_SEALED_FOLDER_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/sealed_file_writer.h"
#include "storage/sealed_folder.h"
#include "storage/sealed_row.h"
#include "storage/sealer_options.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Makes the folder of (segment, generation) anew, without what an earlier
// attempt may have left. Without a Finish() that succeeded it is removed.
//
//   for each range: BeginRange(range), then Add() for every index of it
//   row = Finish()
//
// Thread safety: thread-compatible.
class SealedFolderWriter {
 public:
  // Errors of all functions: RESOURCE_EXHAUSTED: no space; UNAVAILABLE: the
  // file system.
  static absl::StatusOr<std::unique_ptr<SealedFolderWriter>> Create(
      const SealerOptions& options, SegmentNumber segment, uint32_t generation);
  // Also checks that the range before it is complete.
  // Requires: ranges come in the order of their key replicas.
  // Errors: DATA_LOSS: entries were missing at its end.
  absl::Status BeginRange(const SegmentRange& range);
  // The next entry of the range.
  // Errors: DATA_LOSS: entries in between are missing; CANCELLED.
  absl::Status Add(LogIndex index, std::string_view value);
  // Syncs files and folders. Without entries: no files and no folder.
  absl::StatusOr<SealedRow> Finish();

 private:
  SealedFolderWriter(const SealerOptions& options, SealedFolder folder);
  absl::Status EndRange();
  absl::Status CloseFile();

  const SealerOptions& options_;
  SealedFolder folder_;
  SealedRow row_;
  std::unique_ptr<SealedFileWriter> file_;
  // The range that is being added; its entries so far are in row_.replicas.
  std::optional<SegmentRange> range_;
  LogIndex next_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALED_FOLDER_WRITER_H_
