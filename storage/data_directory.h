// DataDirectory: the layout of a data directory, its format version and its
// lock.
//
// A new directory is marked CREATING until everything in it is synced, so that
// an interrupted creation is begun anew and never taken for a loss.
#ifndef KAPPA_STORAGE_DATA_DIRECTORY_H_
#define KAPPA_STORAGE_DATA_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kappa::storage {

// The format this build writes; every lower one is read.
inline constexpr uint32_t kDirectoryFormat = 1;

// Thread safety: thread-compatible.
class DataDirectory {
 public:
  // Makes the directory if it is absent, takes its lock, and checks its format.
  // Errors: FAILED_PRECONDITION: another process has it ("data directory D is
  // in use by process P"), a newer format, or files that are not ours (nothing
  // is changed then); DATA_LOSS: a FORMAT file that is unreadable, or missing
  // although there is a watermark of ours; others: the file system.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(
      const std::string& path);

  // For looking alone: makes and changes nothing, and keeps every kappad out as
  // long as it lives. What FORMAT says is in format_status().
  // Errors: NOT_FOUND: no such directory, or nothing was ever stored there;
  // FAILED_PRECONDITION: in use by another process; others: the file system.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> OpenToLook(
      const std::string& path);

  // Gives the lock back.
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // Whether nothing was ever stored here: the owner creates the database and
  // the watermark, then calls FinishCreation().
  bool fresh() const { return fresh_; }
  // OpenToLook only: OK, or what Open would refuse with.
  const absl::Status& format_status() const { return format_status_; }
  // Writes FORMAT; the directory is ours for ever, durable on return.
  absl::Status FinishCreation();

  const std::string& path() const { return path_; }
  std::string database_path() const { return path_ + "/db"; }
  std::string sealed_path() const { return path_ + "/sealed"; }
  std::string watermark_path() const { return path_ + "/watermark"; }

 private:
  DataDirectory(std::string path, int lock_file);
  // Whether a directory is ours, or empty but for what may be in a new one.
  static absl::Status CheckOurs(const std::string& path);
  // Whether FORMAT is there and of a format that this build reads. `*absent`:
  // there is neither FORMAT nor anything that was ever stored.
  absl::Status InspectFormat(bool* absent) const;
  // Finds out what is there. Sets fresh_.
  absl::Status Inspect();
  // Removes what an interrupted creation left, and begins one.
  absl::Status BeginCreation();

  const std::string path_;
  const int lock_file_;
  bool fresh_ = false;
  absl::Status format_status_;
};

// Makes names created, renamed or removed in the directory durable.
absl::Status SyncDirectory(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DATA_DIRECTORY_H_
