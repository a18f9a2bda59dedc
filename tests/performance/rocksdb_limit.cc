#include "tests/performance/rocksdb_limit.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "rocksdb/write_batch.h"
#include "tests/performance/bare_database.h"

namespace kappa::performance {
namespace {

constexpr size_t kValueBytes = size_t{128} << 10;
constexpr size_t kCycleBytes = size_t{1} << 20;
// Both memtables, so that flushes run beside everything that is counted.
constexpr size_t kWarmUpBytes = size_t{128} << 20;

std::string MakeValue() {
  std::string value(kValueBytes, '\0');
  uint64_t state = 88172645463325252u;
  for (char& byte : value) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return value;
}

absl::Status WriteCycle(const std::string& value, BareDatabase* database,
                        rocksdb::WriteBatch* batch) {
  batch->Clear();
  for (size_t bytes = 0; bytes < kCycleBytes; bytes += kValueBytes) {
    const absl::Status status = database->Put(value, batch);
    if (!status.ok()) return status;
  }
  return database->Write(batch);
}

}  // namespace

absl::StatusOr<double> MeasureRocksDb(const std::string& directory,
                                      absl::Duration duration) {
  const auto database = BareDatabase::Create(directory);
  if (!database.ok()) return database.status();
  const std::string value = MakeValue();
  rocksdb::WriteBatch batch;
  for (size_t bytes = 0; bytes < kWarmUpBytes; bytes += kCycleBytes) {
    const absl::Status status = WriteCycle(value, database->get(), &batch);
    if (!status.ok()) return status;
  }
  const absl::Time begin = absl::Now();
  absl::Time now = begin;
  double bytes = 0;
  while (now < begin + duration) {
    const absl::Status status = WriteCycle(value, database->get(), &batch);
    if (!status.ok()) return status;
    bytes += kCycleBytes;
    now = absl::Now();
  }
  return bytes / 1e6 / absl::ToDoubleSeconds(now - begin);
}

}  // namespace kappa::performance
