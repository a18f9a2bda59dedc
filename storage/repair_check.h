// Whether entries of other replicas are those that this one holds damaged
// (RELIABILITY.md S7).
#ifndef KAPPA_STORAGE_REPAIR_CHECK_H_
#define KAPPA_STORAGE_REPAIR_CHECK_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::storage {

// How many of `entries`, which follow each other, are proven to be those of the
// replica's log, from the first one on: each has the SHA-256 that its header
// names, and continues term, offset and chain of the entry before it; the last
// one leads to the chain of the entry behind it, unless that one is damaged
// itself. Their index and term, CRC32C and size were compared before.
// `before`: of the entry before them, if it was proven already and may not be
// stored yet. Reads the disk.
size_t CountProven(const LogStore& store, ReplicaNumber replica,
                   const std::vector<StoredEntry>& entries,
                   const std::optional<EntryHeader>& before);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_REPAIR_CHECK_H_
