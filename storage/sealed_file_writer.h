// SealedFileWriter: writes one file of a sealed segment, in key order.
#ifndef KAPPA_STORAGE_SEALED_FILE_WRITER_H_
#define KAPPA_STORAGE_SEALED_FILE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_writer.h"
#include "storage/keys.h"
#include "storage/sealed_row.h"
#include "storage/sealer_options.h"

namespace kappa::storage {

// Of the file at that place in SealedRow::files.
std::string SealedFileName(size_t place);

// A file that is not finished is a leftover in its folder.
//
// Thread safety: thread-compatible.
class SealedFileWriter {
 public:
  // The file at `place` of the segment in `folder`. `options` must outlive the
  // writer.
  // Errors of all functions: RESOURCE_EXHAUSTED: no space; UNAVAILABLE: the
  // file system.
  static absl::StatusOr<std::unique_ptr<SealedFileWriter>> Create(
      const SealerOptions& options, const std::string& folder, size_t place);
  // Requires: keys ascend.
  // Errors: CANCELLED: the options say so.
  absl::Status Add(const EntryKey& key, std::string_view value);
  // Bytes of the file so far.
  uint64_t bytes() { return file_.FileSize(); }
  // Synced on return; its name is not.
  // Requires: something was added.
  absl::StatusOr<SealedFile> Finish();

 private:
  SealedFileWriter(const SealerOptions& options, const std::string& folder,
                   size_t place);

  const SealerOptions& options_;
  const std::string name_;
  const std::string path_;
  const rocksdb::Options file_options_;
  rocksdb::SstFileWriter file_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALED_FILE_WRITER_H_
