// SealerOptions: where and how the files of sealed segments are written.
#ifndef KAPPA_STORAGE_SEALER_OPTIONS_H_
#define KAPPA_STORAGE_SEALER_OPTIONS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "rocksdb/rate_limiter.h"

namespace kappa::storage {

struct SealerOptions {
  // DIR/sealed; made when absent.
  std::string sealed_root;
  // Not owned. Sealed files are written, linked and looked at through it.
  rocksdb::Env* env = rocksdb::Env::Default();
  // Sealing writes at its low priority; nullptr: as fast as it goes.
  std::shared_ptr<rocksdb::RateLimiter> rate_limiter;
  // Files are written past the page cache.
  bool direct_io = true;
  // A written file ends after the entry that brings it here.
  uint64_t file_bytes_max = uint64_t{256} << 20;
  // Flushed files are hard-linked instead of rewritten when a replica's entries
  // in one of them have at least this many bytes on average.
  uint64_t link_run_bytes_min = uint64_t{1} << 20;
  // When it becomes true, what is going on ends with CANCELLED.
  const std::atomic<bool>* cancelled = nullptr;
  // Likewise.
  const std::atomic<bool>* paused = nullptr;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALER_OPTIONS_H_
