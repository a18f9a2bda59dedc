// FailStopFileSystem: tells of a failed write or sync before RocksDB does
// anything else with the file (RELIABILITY.md S9).
//
// RocksDB closes and flushes a file after a failed write; the build of Debian
// ends by an assertion of its own there, before any listener hears of it.
// The space of deleted logs returns without holding up syncs (UnlinkedFiles).
#ifndef KAPPA_STORAGE_FAIL_STOP_FILE_SYSTEM_H_
#define KAPPA_STORAGE_FAIL_STOP_FILE_SYSTEM_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace kappa::storage {

// `base`, with every error of a file or folder that is open for writing told to
// `on_fatal` first, on the thread that met it; RocksDB's own messages are no
// exception, nor is a next file for them that cannot be made, unless something
// is short (info_log.h). Any other file that cannot be made is an ordinary
// error: nothing was lost.
std::unique_ptr<rocksdb::Env> NewFailStopEnv(
    std::shared_ptr<rocksdb::FileSystem> base,
    std::function<void(const absl::Status&)> on_fatal);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FAIL_STOP_FILE_SYSTEM_H_
