// Reads a file in RocksDB's record format (write-ahead logs, manifests) without
// RocksDB, to say where it is damaged.
//
//   file = blocks of 32 KiB; block = records, then fewer than 7 zero bytes
//   record = CRC32C, masked (4) | length (2) | type (1) | bytes
//   type: 1 a whole item; 2, 3, 4 its first, a middle, its last part
#ifndef KAPPA_STORAGE_RECORD_FILE_SCAN_H_
#define KAPPA_STORAGE_RECORD_FILE_SCAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace kappa::storage {

struct RecordFileScan {
  uint64_t bytes = 0;
  uint64_t items = 0;  // whole ones with a right checksum
  // The first byte of the first record that is not as it was written; what
  // stands behind it is counted, but not vouched for.
  std::optional<uint64_t> damaged_at;
  std::string damage;  // what is wrong there
  // The damage is an item behind which no other begins: what a crash during a
  // write leaves as well.
  bool cut_off = false;
  // The damage is that only zeros stand behind the last whole item: of a log
  // that is open, or was when its writer died, the place for what comes next.
  bool zeros_to_end = false;
};

// Reads the whole file. A file that was cut between two items looks whole.
// Errors: NOT_FOUND, UNAVAILABLE: it cannot be opened or read.
absl::StatusOr<RecordFileScan> ScanRecordFile(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_RECORD_FILE_SCAN_H_
