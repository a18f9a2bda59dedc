// Bare RocksDB with the store's cycle: what the store could reach if it did
// nothing else.
#ifndef KAPPA_TESTS_PERFORMANCE_ROCKSDB_LIMIT_H_
#define KAPPA_TESTS_PERFORMANCE_ROCKSDB_LIMIT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kappa::performance {

// Synced batches of 1 MiB in values of 128 KiB, with the flushes that they
// cause; 10^6 bytes of values a second, counted once the memtables have been
// filled before. `directory` must be empty.
absl::StatusOr<double> MeasureRocksDb(const std::string& directory,
                                      absl::Duration duration);

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_ROCKSDB_LIMIT_H_
