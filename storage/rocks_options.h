// The RocksDB options of a data directory. RocksDB's defaults expire and lose
// data; what decides whether "for ever" is true is set here and checked after
// every open (DESIGN.md §3, FAULTS.md).
#ifndef KAPPA_STORAGE_ROCKS_OPTIONS_H_
#define KAPPA_STORAGE_ROCKS_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/rate_limiter.h"
#include "rocksdb/table.h"

namespace kappa::storage {

inline constexpr std::string_view kMetaFamily = "meta";
inline constexpr std::string_view kSideMetadataFamily = "side_metadata";
inline constexpr std::string_view kSideProducersFamily = "side_producers";
inline constexpr std::string_view kSegmentFamilyPrefix = "segment-";

// What the options are made from.
struct RocksSettings {
  size_t memtable_bytes = 0;
  uint64_t wal_bytes_max = 0;
  bool direct_io = false;
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::RateLimiter> rate_limiter;
  std::shared_ptr<rocksdb::EventListener> listener;
  // Not owned; nullptr: the default one.
  rocksdb::Env* env = nullptr;
};

rocksdb::DBOptions MakeDatabaseOptions(const RocksSettings& settings);

// Of the family with that name.
rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksSettings& settings,
                                               std::string_view family);

// Of every SST file, also of sealed ones.
rocksdb::BlockBasedTableOptions MakeTableOptions(
    std::shared_ptr<rocksdb::Cache> block_cache);

// Refuses options that expire, forget or skip the checking of data; asks the
// open database, not what it was asked for.
// Errors: FAILED_PRECONDITION, with the family and the option.
absl::Status CheckDatabaseOptions(const rocksdb::DBOptions& options);
absl::Status CheckFamilyOptions(std::string_view family,
                                const rocksdb::ColumnFamilyOptions& options);

// Whether files in `directory` can be read and written past the page cache.
bool SupportsDirectIo(const std::string& directory);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_OPTIONS_H_
