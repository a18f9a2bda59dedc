// The group row: where a replica's log stands, written in the same batch as the
// entries that brought it there (DESIGN.md §3).
#ifndef KAPPA_STORAGE_GROUP_ROW_H_
#define KAPPA_STORAGE_GROUP_ROW_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/log_store.h"

namespace kappa::storage {

std::string EncodeGroupRow(const ReplicaPosition& position);

// Errors: DATA_LOSS: damaged.
absl::StatusOr<ReplicaPosition> DecodeGroupRow(std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_GROUP_ROW_H_
