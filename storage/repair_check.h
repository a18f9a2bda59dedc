// Whether entries of other replicas are those that this one holds damaged
// (RELIABILITY.md S7).
#ifndef KAPPA_STORAGE_REPAIR_CHECK_H_
#define KAPPA_STORAGE_REPAIR_CHECK_H_

#include <vector>

#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::storage {

struct RepairProof {
  // Of each entry, in order.
  std::vector<bool> proven;
  // Neighbours that a proof would have rested on, and that are damaged, too.
  std::vector<LogIndex> damaged;
};

// Which of `entries`, ascending by index, are proven to be those of the
// replica's log. Each has the SHA-256 that its header names; and either the
// header that is stored, or a place in the chain of digests:
//
//   stored, whole    received       stored, whole, or the group row
//        41          [42] [43]          44
//                      <---- 44's chain proves 43, the two prove 42
//
// That is, the chain of the entry behind it is known and continues it, and it
// continues the entry before it. The lowest of a run whose entry before it is
// damaged is not proven, the others are: with the entries before it, it will
// be. Their index and term, CRC32C and size were compared before. Reads the
// disk.
RepairProof FindProven(const LogStore& store, ReplicaNumber replica,
                       absl::Span<const StoredEntry> entries);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPAIR_CHECK_H_
