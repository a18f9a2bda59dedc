// Which entry a DATA_LOSS of a read is about, and whether it is there at all.
#ifndef KAPPA_STORAGE_DAMAGED_INDEX_H_
#define KAPPA_STORAGE_DAMAGED_INDEX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// Of a status; never sent to anyone.
inline constexpr char kDamagedIndexPayload[] = "kappa/damaged-index";
inline constexpr char kMissingEntryPayload[] = "kappa/missing-entry";

// The status, saying that the entry at `index` is damaged or missing. One that
// is not DATA_LOSS stays as it is.
inline absl::Status WithDamagedIndex(absl::Status status, LogIndex index) {
  if (absl::IsDataLoss(status)) {
    status.SetPayload(kDamagedIndexPayload,
                      absl::Cord(absl::StrCat(index.value())));
  }
  return status;
}

// Absent: the status tells of no entry.
inline std::optional<LogIndex> DamagedIndexOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload =
      status.GetPayload(kDamagedIndexPayload);
  uint64_t index = 0;
  if (!payload.has_value() ||
      !absl::SimpleAtoi(std::string(*payload), &index)) {
    return std::nullopt;
  }
  return LogIndex(index);
}

// The status, saying that nothing stands where the entry should: it is lost,
// while what is damaged only cannot be read.
inline absl::Status WithMissingEntry(absl::Status status) {
  status.SetPayload(kMissingEntryPayload, absl::Cord());
  return status;
}

// Whether a read failed for an entry that is there and cannot be read.
inline bool TellsUnreadableEntry(const absl::Status& status) {
  return absl::IsDataLoss(status) && DamagedIndexOf(status).has_value() &&
         !status.GetPayload(kMissingEntryPayload).has_value();
}

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DAMAGED_INDEX_H_
