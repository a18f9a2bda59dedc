// DiskGuard: watches the space of the data directory's file system, so that a
// node refuses work before a write fails (RELIABILITY.md S10).
//
//   free:  ...... | low ........ | critical ........ | 0
//          ample    accepts        ballast released,
//                   nothing new    then it is used up
//
// A ballast that was released counts as not free until it is whole again, and a
// level is left upwards only with an eighth more than its threshold: otherwise
// the level would swing.
#ifndef KAPPA_SERVER_DISK_GUARD_H_
#define KAPPA_SERVER_DISK_GUARD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "server/disk_limits.h"
#include "server/disk_state.h"
#include "storage/ballast.h"

namespace kappa::server {

struct FileSystemSpace {
  uint64_t size_bytes = 0;
  uint64_t free_bytes = 0;  // for this process
};

// Of the file system that holds `path`. Errors: UNAVAILABLE.
absl::StatusOr<FileSystemSpace> ProbeSpace(const std::string& path);

struct DiskGuardOptions {
  std::string data_dir;  // exists
  DiskSettings settings;
  // What may still be written once nothing new is accepted.
  uint64_t reserve_bytes = 0;
  // Tests put their own file system here; empty: ProbeSpace(data_dir).
  std::function<absl::StatusOr<FileSystemSpace>()> probe;
};

// Thread safety: Watch() begins a thread, which is the only one to call Check()
// from then on; state() may be asked by any.
class DiskGuard {
 public:
  // Finds out the limits; changes nothing, for the directory may be another
  // process's. Errors: UNAVAILABLE: the space cannot be asked for.
  static absl::StatusOr<std::unique_ptr<DiskGuard>> Start(
      DiskGuardOptions options);
  // Ends the thread. The ballast stays where it is.
  ~DiskGuard();

  // Looks once the directory is ours, so that a ballast that is there can serve
  // opening it; makes none, for the directory is not checked yet.
  void OnLocked() { Look(/*may_rebuild=*/false); }
  // Looks now: sets the level, releases or rebuilds the ballast, and logs what
  // changed. A space that cannot be asked for changes nothing.
  void Check();
  // Calls Check() ten times a second; `on_level` hears of each new level on the
  // guard's thread.
  void Watch(std::function<void(DiskLevel)> on_level);

  std::shared_ptr<const DiskState> state() const { return state_; }
  const DiskLimits& limits() const { return limits_; }

 private:
  explicit DiskGuard(DiskGuardOptions options);
  void Look(bool may_rebuild);
  DiskLevel LevelOf(uint64_t spare) const;
  // Free bytes less what the ballast lacks.
  uint64_t Spare(uint64_t free_bytes) const;
  void SetLevel(DiskLevel level);
  void RebuildBallast(uint64_t free_bytes);
  void Loop();

  const DiskGuardOptions options_;
  const std::shared_ptr<DiskState> state_ = std::make_shared<DiskState>();
  DiskLimits limits_;
  storage::Ballast ballast_;
  std::function<void(DiskLevel)> on_level_;
  bool rebuild_failed_ = false;  // and was logged

  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_DISK_GUARD_H_
