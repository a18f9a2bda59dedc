// PreparedLogFileSystem: write-ahead logs that are written with direct I/O, and
// into blocks that were written before as long as syncs are small (see
// log_preparer.h).
#ifndef KAPPA_STORAGE_PREPARED_LOG_FILE_SYSTEM_H_
#define KAPPA_STORAGE_PREPARED_LOG_FILE_SYSTEM_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "rocksdb/file_system.h"

namespace kappa::storage {

// `base`, but for new files named *.log. Of these RocksDB sees what it would
// see of `base`; on disk such a file is longer than its content until it is
// closed: at most 5 MiB of zeros follow, which RocksDB passes over when it
// reads the log after a crash. They are prepared while the mean of the last
// syncs is at most 256 KiB: to large ones they give nothing, and each byte of
// them is one more to be written.
// Requires: `base` can open files for direct writes.
// `on_fatal`: see LogPreparer.
std::shared_ptr<rocksdb::FileSystem> NewPreparedLogFileSystem(
    std::shared_ptr<rocksdb::FileSystem> base,
    std::function<void(const absl::Status&)> on_fatal);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PREPARED_LOG_FILE_SYSTEM_H_
