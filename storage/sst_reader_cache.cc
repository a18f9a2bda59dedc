#include "storage/sst_reader_cache.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "proto/wire/check.h"
#include "rocksdb/table.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

rocksdb::Options ReaderOptions(const SstReaderCacheOptions& from) {
  KAPPA_CHECK(from.block_cache != nullptr, "sealed files need a block cache");
  rocksdb::Options options;
  options.env = from.env;
  options.use_direct_reads = from.direct_io;
  options.table_factory.reset(
      rocksdb::NewBlockBasedTableFactory(MakeTableOptions(from.block_cache)));
  return options;
}

}  // namespace

SstReaderCache::SstReaderCache(const SstReaderCacheOptions& options)
    : open_files_max_(options.open_files_max),
      options_(ReaderOptions(options)) {
  KAPPA_CHECK(open_files_max_ > 0, "at least one file must be kept open");
}

absl::StatusOr<std::shared_ptr<rocksdb::SstFileReader>> SstReaderCache::Open(
    const std::string& path) {
  if (auto reader = Find(path)) return reader;
  // Two threads may open the same file at once; the later one's stays.
  auto reader = std::make_shared<rocksdb::SstFileReader>(options_);
  const rocksdb::Status status = reader->Open(path);
  if (!status.ok()) return FromRocksRead(status, "open sealed file " + path);
  Insert(path, reader);
  return reader;
}

std::shared_ptr<rocksdb::SstFileReader> SstReaderCache::Find(
    const std::string& path) {
  MutexLock lock(&mutex_);
  const auto it = places_.find(path);
  if (it == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, it->second);
  return it->second->reader;
}

void SstReaderCache::Insert(const std::string& path,
                            std::shared_ptr<rocksdb::SstFileReader> reader) {
  // Closed outside the lock.
  std::vector<std::shared_ptr<rocksdb::SstFileReader>> closed;
  MutexLock lock(&mutex_);
  const auto it = places_.find(path);
  if (it != places_.end()) {
    closed.push_back(std::exchange(it->second->reader, std::move(reader)));
    return;
  }
  recent_.push_front({path, std::move(reader)});
  places_[path] = recent_.begin();
  while (recent_.size() > open_files_max_) {
    closed.push_back(std::move(recent_.back().reader));
    places_.erase(recent_.back().path);
    recent_.pop_back();
  }
}

void SstReaderCache::Forget(const std::string& folder) {
  const std::string prefix = folder + "/";
  std::list<Opened> closed;
  MutexLock lock(&mutex_);
  for (auto it = recent_.begin(); it != recent_.end();) {
    const auto next = std::next(it);
    if (absl::StartsWith(it->path, prefix)) {
      places_.erase(it->path);
      closed.splice(closed.end(), recent_, it);
    }
    it = next;
  }
}

size_t SstReaderCache::open_files() const {
  MutexLock lock(&mutex_);
  return recent_.size();
}

}  // namespace kappa::storage
