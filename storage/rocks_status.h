// Translation of RocksDB's statuses; the only place that does it.
#ifndef KAPPA_STORAGE_ROCKS_STATUS_H_
#define KAPPA_STORAGE_ROCKS_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "rocksdb/status.h"

namespace kappa::storage {

// `operation` names what was tried and on what: "write cycle 17".
//   Corruption, NotFound, a file that is missing   DATA_LOSS
//   no space, too many open files, no memory       RESOURCE_EXHAUSTED
//   busy, try again, timed out, other I/O errors   UNAVAILABLE
//   not supported, invalid argument                FAILED_PRECONDITION
//   anything else                                  INTERNAL
absl::Status FromRocks(const rocksdb::Status& status,
                       std::string_view operation);

// The same after a read: what the disk itself cannot read (EIO) is DATA_LOSS.
// RESOURCE_EXHAUSTED and UNAVAILABLE then say nothing about the bytes.
absl::Status FromRocksRead(const rocksdb::Status& status,
                           std::string_view operation);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_STATUS_H_
