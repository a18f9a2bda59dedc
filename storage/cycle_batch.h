// CycleBatch: everything that one cycle makes durable, as one RocksDB batch
// that ends with the cycle row (RELIABILITY.md S1).
#ifndef KAPPA_STORAGE_CYCLE_BATCH_H_
#define KAPPA_STORAGE_CYCLE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/payload.h"
#include "proto/wire/sha256.h"
#include "proto/wire/types.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/cycle_row.h"
#include "storage/log_store.h"

namespace kappa::storage {

// Used again for each cycle, so that its memory is allocated once.
//
// Thread safety: thread-compatible.
class CycleBatch {
 public:
  // Empties the batch. `payload_bytes` is what will be put, about.
  void Begin(uint64_t cycle, const Digest& previous, size_t payload_bytes);

  // The payload is copied once, into the batch.
  void PutEntry(rocksdb::ColumnFamilyHandle* segment, ReplicaNumber replica,
                const EntryHeader& header, const Payload& payload);
  void Put(rocksdb::ColumnFamilyHandle* family, std::string_view key,
           std::string_view value);
  void Delete(rocksdb::ColumnFamilyHandle* family, std::string_view key);
  // Deletes keys in [begin, end).
  void DeleteRange(rocksdb::ColumnFamilyHandle* family, std::string_view begin,
                   std::string_view end);

  // Appends the cycle row. Nothing may be put after it.
  CycleRow Finish(rocksdb::ColumnFamilyHandle* meta);

  rocksdb::WriteBatch* batch() { return &batch_; }
  // Keys and values of entries since Begin.
  uint64_t entry_bytes() const { return entry_bytes_; }

 private:
  // Covers an operation by the digest: its kind and both parts.
  void Cover(char kind, std::string_view key, std::string_view value);

  rocksdb::WriteBatch batch_;
  Sha256Hasher hasher_;
  CycleRow row_;
  uint64_t entry_bytes_ = 0;
  std::string header_;                 // scratch
  std::vector<rocksdb::Slice> parts_;  // scratch
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CYCLE_BATCH_H_
