// SetAside: a data directory that has forgotten something makes room for a new
// one (RELIABILITY.md S4, S5).
#ifndef KAPPA_STORAGE_SET_ASIDE_H_
#define KAPPA_STORAGE_SET_ASIDE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kappa::storage {

// Moves what is stored in `directory` to `directory`/set-aside-N, N being the
// first number that is free, where it stays for ever as it is; `reason` is
// written to set-aside-N/REASON. The directory is then an empty one. Returns
// the path of set-aside-N. Interrupted, it is gone on with by FinishSetAside.
// Requires: no process has the directory open.
// Errors: those of the file system.
absl::StatusOr<std::string> SetAside(const std::string& directory,
                                     const std::string& reason);

// Writes DIR/FORGOT: from now on, whatever others say, the directory is one
// that has forgotten something; `reason` says what. Durable on return. Goes
// with the rest when the directory is set aside. Errors: those of the file
// system.
absl::Status MarkForgotten(const std::string& directory,
                           const std::string& reason);
// The reason that MarkForgotten wrote; absent: it did not. Errors: UNAVAILABLE:
// the file cannot be read.
absl::StatusOr<std::optional<std::string>> ReasonForgotten(
    const std::string& directory);

// The paths of what SetAside made in `directory` and is still there, the newest
// last: by the time of REASON, then by number.
// Errors: UNAVAILABLE: the directory cannot be listed.
absl::StatusOr<std::vector<std::string>> SetAsideCopies(
    const std::string& directory);

// Goes on with what SetAside had begun in an earlier process; to be called
// before the directory is opened. Errors: those of the file system.
absl::Status FinishSetAside(const std::string& directory);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SET_ASIDE_H_
