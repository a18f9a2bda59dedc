// SegmentFixture: a live RocksDB with one segment family, and a place for
// sealed segments.
#ifndef KAPPA_TESTS_STORAGE_SEGMENT_FIXTURE_H_
#define KAPPA_TESTS_STORAGE_SEGMENT_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/types.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "storage/sealer_options.h"
#include "storage/segment_directory.h"
#include "storage/sst_reader_cache.h"

namespace kappa::storage {

// The value that PutEntries writes: recognisable, `bytes` long.
std::string ValueOf(uint64_t replica, uint64_t index, size_t bytes);

// Everything of a replica in segment 1 from `first` up to `last`, inclusive.
SegmentRange RangeOf(uint64_t replica, uint64_t first, uint64_t last);

class SegmentFixture : public testing::Test {
 protected:
  SegmentFixture();
  ~SegmentFixture() override;

  // Writes entries [first, last] of a replica to the live segment.
  void PutEntries(uint64_t replica, uint64_t first, uint64_t last,
                  size_t bytes = 100);
  void Flush();
  // Paths of the files of a folder in the sealed root, sorted.
  std::vector<std::string> FilesOf(const std::string& folder) const;

  const std::string root_;  // of everything in this test
  SealerOptions sealer_options_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* family_ = nullptr;
  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::unique_ptr<SstReaderCache> readers_;
};

// A file's bytes.
std::string ReadWholeFile(const std::string& path);
// Flips one bit of a file, at `place` from its beginning.
void FlipBit(const std::string& path, size_t place);

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_SEGMENT_FIXTURE_H_
