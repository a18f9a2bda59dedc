// ReplacedFile: a small file that is only ever replaced as a whole, by a
// process that ends after a failed write (RELIABILITY.md S9).
#ifndef KAPPA_STORAGE_REPLACED_FILE_H_
#define KAPPA_STORAGE_REPLACED_FILE_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace kappa::storage {

// Invariant: the file has all of the bytes of one Replace(), or those that it
// had before.
// Thread safety: thread-compatible.
class ReplacedFile {
 public:
  // Told of a failed write or sync, on the thread that met it, before anything
  // else is done; it ends the process.
  using OnFatal = std::function<void(const absl::Status&)>;

  // `on_fatal` may be empty: for whoever writes nothing, and for tests.
  ReplacedFile(std::string path, OnFatal on_fatal)
      : path_(std::move(path)), on_fatal_(std::move(on_fatal)) {}

  // The file has these bytes, durable on return. Uses PATH.next.
  // Errors: RESOURCE_EXHAUSTED: there is no room; others when PATH.next or the
  // folder cannot be opened: the file is as it was, and may be replaced later.
  // Any other failure is told to `on_fatal` and is the answer from then on:
  // nothing is written any more. A quota that is used up is one of them, as
  // everywhere: DiskGuard does not see it.
  absl::Status Replace(std::string_view bytes);

  const std::string& path() const { return path_; }

 private:
  absl::Status WriteNext(int file, std::string_view bytes);
  // The errno of a failed operation, as Replace answers it.
  absl::Status Failed(int error, std::string_view operation,
                      std::string_view path);

  const std::string path_;
  const OnFatal on_fatal_;
  absl::Status fatal_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPLACED_FILE_H_
