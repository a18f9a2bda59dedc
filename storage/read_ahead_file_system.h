// ReadAheadFileSystem: table files whose blocks are read ahead of a reader
// that goes through them in order (see read_ahead_pool.h).
#ifndef KAPPA_STORAGE_READ_AHEAD_FILE_SYSTEM_H_
#define KAPPA_STORAGE_READ_AHEAD_FILE_SYSTEM_H_

#include <cstddef>
#include <memory>

#include "rocksdb/file_system.h"

namespace kappa::storage {

// `base` with read-ahead for files named *.sst that are opened for reading at
// any place. It finds out by itself who reads in order; RocksDB's own readahead
// (ReadOptions::readahead_size) must stay off, or it only copies once more.
// When a file is to be read with direct I/O, that stays within: RocksDB sees a
// file that takes any offset, length and memory.
// Memory for it: `bytes_max`, see ReadAheadPool.
std::shared_ptr<rocksdb::FileSystem> NewReadAheadFileSystem(
    std::shared_ptr<rocksdb::FileSystem> base, size_t bytes_max);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_READ_AHEAD_FILE_SYSTEM_H_
