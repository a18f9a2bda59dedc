#include "storage/scan_pool.h"

#include <algorithm>
#include <utility>

namespace kappa::storage {
namespace {

rocksdb::Slice ToSlice(const EntryKey& key) {
  return rocksdb::Slice(key.view().data(), key.view().size());
}

}  // namespace

LiveScan::LiveScan(rocksdb::DB* db, Family family, ReplicaNumber replica,
                   LogIndex from, uint64_t epoch, uint64_t generation)
    : family_(std::move(family)),
      replica_(replica),
      epoch_(epoch),
      generation_(generation),
      end_(replica.Next(), LogIndex(0)),
      end_slice_(ToSlice(end_)) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end_slice_;
  options.fill_cache = false;
  iterator_.reset(db->NewIterator(options, family_.get()));
  const EntryKey first(replica, from);
  iterator_->Seek(ToSlice(first));
}

bool LiveScan::StandsOn(LogIndex index) const {
  if (index > last_ || !iterator_->Valid()) return false;
  const rocksdb::Slice key = iterator_->key();
  return IndexOfKey({key.data(), key.size()}) == index;
}

std::unique_ptr<LiveScan> ScanPool::Take(const Family& family,
                                         ReplicaNumber replica, LogIndex next,
                                         uint64_t epoch) {
  MutexLock lock(&mutex_);
  const auto found =
      std::find_if(scans_.begin(), scans_.end(), [&](const auto& scan) {
        return scan->family_ == family && scan->replica_ == replica &&
               scan->epoch_ == epoch && scan->StandsOn(next);
      });
  if (found == scans_.end()) return nullptr;
  std::unique_ptr<LiveScan> scan = std::move(*found);
  scans_.erase(found);
  return scan;
}

void ScanPool::Give(std::unique_ptr<LiveScan> scan) {
  scan->idle_ = false;
  std::unique_ptr<LiveScan> dropped;  // after the lock
  MutexLock lock(&mutex_);
  if (scan->generation_ != generation_ || !scan->iterator_->Valid()) {
    dropped = std::move(scan);
    return;
  }
  if (scans_.size() == kScansMax) {  // the one that waits the longest
    dropped = std::move(scans_.front());
    scans_.erase(scans_.begin());
  }
  scans_.push_back(std::move(scan));
}

void ScanPool::DropAll() {
  std::vector<std::unique_ptr<LiveScan>> dropped;
  MutexLock lock(&mutex_);
  ++generation_;
  std::swap(dropped, scans_);
}

void ScanPool::DropIdle() {
  std::vector<std::unique_ptr<LiveScan>> dropped;
  MutexLock lock(&mutex_);
  for (std::unique_ptr<LiveScan>& scan : scans_) {
    if (scan->idle_) {
      dropped.push_back(std::move(scan));
    } else {
      scan->idle_ = true;
    }
  }
  scans_.erase(std::remove(scans_.begin(), scans_.end(), nullptr),
               scans_.end());
}

size_t ScanPool::size() const {
  MutexLock lock(&mutex_);
  return scans_.size();
}

uint64_t ScanPool::generation() const {
  MutexLock lock(&mutex_);
  return generation_;
}

}  // namespace kappa::storage
