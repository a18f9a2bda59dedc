// DirectoryCheck: reads every byte of a data directory that nobody serves and
// says what is damaged, and what that means.
#ifndef KAPPA_STORAGE_DIRECTORY_CHECK_H_
#define KAPPA_STORAGE_DIRECTORY_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "storage/check_report.h"
#include "storage/directory_view.h"
#include "storage/log_audit.h"

namespace kappa::storage {

// Changes nothing.
//
// Thread safety: thread-compatible.
class DirectoryCheck {
 public:
  // Told how many bytes of about how many were read.
  using Progress = std::function<void(uint64_t done, uint64_t total)>;

  // Borrows the view.
  explicit DirectoryCheck(const DirectoryView* view, Progress progress = {})
      : view_(view), progress_(std::move(progress)) {}

  // Looks at the files, the watermark, the promises of RELIABILITY.md S2 and
  // S3, and at every entry: its checksums, its place in the chain.
  CheckReport Run();

 private:
  // A file that must have these bytes.
  struct ExpectedFile {
    std::string where;  // relative to the directory
    uint64_t bytes = 0;
    uint32_t crc32c = 0;
  };

  // Keeps why something could not be read, unless it is damage. Returns whether
  // it is.
  bool IsDamage(const absl::Status& status);
  void Add(Severity severity, std::string where, std::string what);
  void CheckPromises();
  void CheckLooseFiles();
  std::vector<ExpectedFile> ExpectedFiles() const;
  void CheckFiles(const std::vector<ExpectedFile>& files);
  void CheckReplica(const ViewedReplica& replica);
  void AddDamagedEntries(const ViewedReplica& replica,
                         const DamagedRange& range);
  void CheckSideTables();
  void Advance(uint64_t bytes);
  // Takes the size of a file that was read.
  std::function<void(uint64_t bytes)> CountFile();

  const DirectoryView* const view_;
  const Progress progress_;
  CheckReport report_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DIRECTORY_CHECK_H_
