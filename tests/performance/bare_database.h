// A RocksDB of one segment family, set up as the store sets up its own.
#ifndef KAPPA_TESTS_PERFORMANCE_BARE_DATABASE_H_
#define KAPPA_TESTS_PERFORMANCE_BARE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"

namespace kappa::performance {

// The options are those of storage/rocks_options.cc and of a kappad with its
// default memory, written out: a limit must not move with the store it limits.
//
// Thread safety: thread-compatible.
class BareDatabase {
 public:
  // Requires: `directory` is absent or empty.
  static absl::StatusOr<std::unique_ptr<BareDatabase>> Create(
      const std::string& directory);
  ~BareDatabase();
  BareDatabase(const BareDatabase&) = delete;
  BareDatabase& operator=(const BareDatabase&) = delete;

  // Adds a row under the next key.
  absl::Status Put(const std::string& value, rocksdb::WriteBatch* batch);
  // The row of the `index`-th Put, from 1.
  absl::Status Get(uint64_t index, rocksdb::PinnableSlice* value) const;
  // Over all rows, at none of them yet. Goes before the database.
  std::unique_ptr<rocksdb::Iterator> Scan() const;
  // Durable on return.
  absl::Status Write(rocksdb::WriteBatch* batch);

 private:
  BareDatabase() = default;

  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* segment_ = nullptr;
  uint64_t next_index_ = 1;
};

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_BARE_DATABASE_H_
