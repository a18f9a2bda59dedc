// Translation of errno after a failed file operation.
#ifndef KAPPA_STORAGE_POSIX_STATUS_H_
#define KAPPA_STORAGE_POSIX_STATUS_H_

#include <string_view>

#include "absl/status/status.h"

namespace kappa::storage {

// "OPERATION PATH: TEXT OF THE ERROR". No space, too many open files, no
// memory: RESOURCE_EXHAUSTED; no such file: NOT_FOUND; no permission:
// FAILED_PRECONDITION; else UNAVAILABLE.
absl::Status FromErrno(int error, std::string_view operation,
                       std::string_view path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_POSIX_STATUS_H_
