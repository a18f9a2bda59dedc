// SstReaderCache: open readers of sealed SST files, a bounded number of them.
#ifndef KAPPA_STORAGE_SST_READER_CACHE_H_
#define KAPPA_STORAGE_SST_READER_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "storage/log_store.h"

namespace kappa::storage {

struct SstReaderCacheOptions {
  // Shared with the live database. Required.
  std::shared_ptr<rocksdb::Cache> block_cache;
  rocksdb::Env* env = rocksdb::Env::Default();
  // Replays read past the page cache.
  bool direct_io = true;
  // Files kept open, each reading class for itself; at least 1. One in use
  // stays open beyond that until its last user is gone.
  size_t open_files_max = 256;
};

// Least recently used files are closed first.
//
// Thread safety: thread-safe.
class SstReaderCache {
 public:
  explicit SstReaderCache(SstReaderCacheOptions options);

  // The reader of a file, opened when it is not.
  // Errors: DATA_LOSS: missing or damaged; else as FromRocks.
  absl::StatusOr<std::shared_ptr<rocksdb::SstFileReader>> Open(
      const std::string& path, ReadClass read_class);
  // Closes the readers of files under `folder` (no slash at its end).
  void Forget(std::string_view folder);
  size_t open_files() const;

 private:
  using Key = std::pair<std::string, ReadClass>;
  struct Opened {
    Key key;
    std::shared_ptr<rocksdb::SstFileReader> reader;
  };

  std::shared_ptr<rocksdb::SstFileReader> Find(const Key& key);
  void Insert(Key key, std::shared_ptr<rocksdb::SstFileReader> reader);

  const SstReaderCacheOptions options_;
  const rocksdb::Options point_options_;
  const rocksdb::Options replay_options_;
  mutable Mutex mutex_;
  std::list<Opened> recent_ ABSL_GUARDED_BY(mutex_);  // newest use first
  absl::flat_hash_map<Key, std::list<Opened>::iterator> places_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SST_READER_CACHE_H_
