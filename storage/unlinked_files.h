// UnlinkedFiles: files that have lost their name, on the way to losing their
// space.
#ifndef KAPPA_STORAGE_UNLINKED_FILES_H_
#define KAPPA_STORAGE_UNLINKED_FILES_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"

namespace kappa::storage {

// A file system frees a file in one piece and lets no sync through meanwhile:
// on ext4 a log of 512 MiB takes 100 ms, and a sync beside it up to 55. Cut off
// in steps on a thread of its own, with a rest between them, it holds up a sync
// by a few ms at most. So the space of a deleted log returns up to three
// seconds later: one file alone is freed at some 190 MB/s, two or more at 1
// GB/s.
//
// Thread safety: thread-safe.
class UnlinkedFiles {
 public:
  UnlinkedFiles();
  // Frees what is left at once.
  ~UnlinkedFiles();
  UnlinkedFiles(const UnlinkedFiles&) = delete;
  UnlinkedFiles& operator=(const UnlinkedFiles&) = delete;

  // An open file that is about to lose its name; -1 when it cannot be opened.
  static int Open(const std::string& path);
  // Takes over a descriptor that came from Open; -1: nothing. Frees the file's
  // space if no name is left of it; nobody else may be using it then. A file
  // that still has a name is let go untouched.
  void Release(int descriptor);
  // Waits until nothing is left to be freed.
  void Await();

 private:
  struct File {
    int descriptor;
    uint64_t bytes;
  };

  void Loop();
  // The file to be cut to `bytes`, which may be 0; nothing: the end has come.
  std::optional<File> NextStep();
  // After the step, and a rest: `freed` if the file is closed.
  void EndStep(bool freed);

  Mutex mutex_;
  CondVar changed_;
  std::deque<File> files_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_UNLINKED_FILES_H_
