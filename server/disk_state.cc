#include "server/disk_state.h"

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

constexpr int kRetryAfterMs = 1'000;

}  // namespace

absl::Status DiskState::CheckAccepting() const {
  return level() == DiskLevel::kAmple ? absl::OkStatus() : Refuse();
}

absl::Status DiskState::CheckNotCritical() const {
  return level() == DiskLevel::kCritical ? Refuse() : absl::OkStatus();
}

absl::Status DiskState::Refuse() const {
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return MakeError(
      v1::ERROR_REASON_DISK_FULL,
      ToStd(absl::StrCat("the data directory's file system has ",
                         free_bytes_.load(), " bytes free, less than ",
                         low_bytes_.load(), ": free some space")),
      {{"retry_after_ms", absl::StrCat(kRetryAfterMs)},
       {"free_bytes", absl::StrCat(free_bytes_.load())},
       {"low_bytes", absl::StrCat(low_bytes_.load())}});
}

absl::Status VotersFull() {
  return MakeError(v1::ERROR_REASON_DISK_FULL,
                   "most nodes of the group have no disk space: free some",
                   {{"retry_after_ms", absl::StrCat(kRetryAfterMs)}});
}

}  // namespace kappa::server
