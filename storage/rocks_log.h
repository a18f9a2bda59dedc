// RocksDB's own log of a database (the files LOG and LOG.old.*).
#ifndef KAPPA_STORAGE_ROCKS_LOG_H_
#define KAPPA_STORAGE_ROCKS_LOG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"

namespace kappa::storage {

// Opens the log in the database's folder `path`, which is made when absent;
// `options` bound its files. A header is a line like any other: RocksDB's own
// logger keeps all headers in memory and repeats them in every new file, and
// each new column family brings 9 KB of them. After 950 segments a new file
// would be full at its first line, and every line would write 8 MB.
// Errors: the file system's.
absl::StatusOr<std::shared_ptr<rocksdb::Logger>> OpenRocksLog(
    const std::string& path, const rocksdb::DBOptions& options);

// A log that keeps nothing.
std::shared_ptr<rocksdb::Logger> SilentRocksLog();

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_LOG_H_
