// What tests do to the files of a data directory.
#ifndef KAPPA_TESTS_STORAGE_DIRECTORY_DAMAGE_H_
#define KAPPA_TESTS_STORAGE_DIRECTORY_DAMAGE_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace kappa::storage {

// An empty directory below TEST_TMPDIR, named after the running test.
std::string FreshDirectory(const std::string& name);

// `to` becomes a copy of `from`, which may be open: as after kill -9.
void CopyTree(const std::string& from, const std::string& to);

// Every file below `directory` (but LOCK) with its content.
std::map<std::string, std::string> TreeOf(const std::string& directory);

// Files directly in `directory` whose names end with `suffix`, by name.
std::vector<std::string> FilesIn(const std::string& directory,
                                 const std::string& suffix);
// The only non-empty write-ahead log of a data directory.
std::string WalOf(const std::string& directory);

std::string ReadAll(const std::string& path);
void WriteAll(const std::string& path, const std::string& bytes);
void FlipBit(const std::string& path, size_t byte);
void ZeroRange(const std::string& path, size_t at, size_t bytes);
void CutAt(const std::string& path, size_t bytes);

// Where the logical records of a write-ahead log begin (RocksDB's log format:
// 32 KiB blocks of records with CRC (4), length (2) and type (1)).
std::vector<size_t> WalRecords(const std::string& path);
// Writes the log anew without its n-th logical record: RocksDB opens it, and
// everything behind the hole is there.
void DropWalRecord(const std::string& path, size_t n);

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_DIRECTORY_DAMAGE_H_
