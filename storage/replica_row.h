// The replica row: that a replica was created here, as what, and whether it was
// dropped. It stays for ever, so its number is never given again.
#ifndef KAPPA_STORAGE_REPLICA_ROW_H_
#define KAPPA_STORAGE_REPLICA_ROW_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/log_store.h"

namespace kappa::storage {

struct ReplicaRow {
  ReplicaSpec spec;
  bool dropped = false;
};

std::string EncodeReplicaRow(const ReplicaRow& row);

// Errors: DATA_LOSS: damaged.
absl::StatusOr<ReplicaRow> DecodeReplicaRow(std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPLICA_ROW_H_
