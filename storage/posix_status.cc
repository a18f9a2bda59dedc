#include "storage/posix_status.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace kappa::storage {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status FromErrno(int error, std::string_view operation,
                       std::string_view path) {
  return absl::Status(
      CodeOf(error),
      absl::StrCat(std::string(operation), " ", std::string(path), ": ",
                   std::error_code(error, std::generic_category()).message()));
}

}  // namespace kappa::storage
