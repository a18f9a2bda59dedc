// Makes RocksDB use our CRC32C.
//
// Debian's librocksdb has no hardware CRC32C and spends a third of an append in
// its table (DESIGN.md §9). Its function is an exported symbol that the library
// calls through the dynamic linker, so a program that links this target and
// exports its own definition replaces it. The two agree on every input
// (tests/storage/fast_crc32c_test.cc).
#ifndef KAPPA_STORAGE_FAST_CRC32C_H_
#define KAPPA_STORAGE_FAST_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace kappa::storage {

// Which CRC32C RocksDB runs in this process, for the log line at start:
// "kappa, sse4.2", "kappa, table", or "rocksdb" when it was not replaced.
std::string_view RocksDbCrc32cVariant();

// How often RocksDB called ours in this process.
uint64_t RocksDbCrc32cCalls();

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FAST_CRC32C_H_
