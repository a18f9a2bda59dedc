// SstReaderCache: open readers of sealed SST files, a bounded number of them.
#ifndef KAPPA_STORAGE_SST_READER_CACHE_H_
#define KAPPA_STORAGE_SST_READER_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"

namespace kappa::storage {

struct SstReaderCacheOptions {
  // Shared with the live database. Required.
  std::shared_ptr<rocksdb::Cache> block_cache;
  rocksdb::Env* env = rocksdb::Env::Default();
  // Read past the page cache.
  bool direct_io = true;
  // Files kept open, at least 1. One in use stays open beyond that until its
  // last user is gone.
  size_t open_files_max = 512;
};

// Files that were not used for longest are closed first.
//
// Thread safety: thread-safe.
class SstReaderCache {
 public:
  explicit SstReaderCache(const SstReaderCacheOptions& options);

  // The reader of a file, opened when it is not.
  // Errors: DATA_LOSS: missing or damaged; else as FromRocks.
  absl::StatusOr<std::shared_ptr<rocksdb::SstFileReader>> Open(
      const std::string& path);
  // Closes the readers of files under `folder` (no slash at its end).
  void Forget(const std::string& folder);
  size_t open_files() const;

 private:
  struct Opened {
    std::string path;
    std::shared_ptr<rocksdb::SstFileReader> reader;
  };

  std::shared_ptr<rocksdb::SstFileReader> Find(const std::string& path);
  void Insert(const std::string& path,
              std::shared_ptr<rocksdb::SstFileReader> reader);

  const size_t open_files_max_;
  const rocksdb::Options options_;
  mutable Mutex mutex_;
  std::list<Opened> recent_ ABSL_GUARDED_BY(mutex_);  // newest use first
  absl::flat_hash_map<std::string, std::list<Opened>::iterator> places_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SST_READER_CACHE_H_
