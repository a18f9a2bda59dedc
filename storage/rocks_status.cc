#include "storage/rocks_status.h"

#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kappa::storage {
namespace {

// RocksDB keeps nothing of errno but its text.
bool Tells(const rocksdb::Status& status, std::errc error) {
  return status.IsIOError() &&
         absl::StrContains(status.ToString(),
                           std::make_error_code(error).message());
}

bool IsShortage(const rocksdb::Status& status) {
  return status.IsNoSpace() || Tells(status, std::errc::too_many_files_open) ||
         Tells(status, std::errc::too_many_files_open_in_system) ||
         Tells(status, std::errc::not_enough_memory);
}

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  if (IsShortage(status)) return absl::StatusCode::kResourceExhausted;
  if (status.IsPathNotFound()) return absl::StatusCode::kDataLoss;
  switch (status.code()) {
    case rocksdb::Status::kOk:
      return absl::StatusCode::kOk;
    case rocksdb::Status::kCorruption:
    case rocksdb::Status::kNotFound:
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kIOError:
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kTimedOut:
      return absl::StatusCode::kUnavailable;
    case rocksdb::Status::kNotSupported:
    case rocksdb::Status::kInvalidArgument:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status,
                       std::string_view operation) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(CodeOf(status), absl::StrCat(std::string(operation), ": ",
                                                   status.ToString()));
}

absl::Status FromRocksRead(const rocksdb::Status& status,
                           std::string_view operation) {
  absl::Status read = FromRocks(status, operation);
  if (!Tells(status, std::errc::io_error)) return read;
  return absl::DataLossError(read.message());
}

}  // namespace kappa::storage
