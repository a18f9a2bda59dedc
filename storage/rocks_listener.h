// RocksListener: what RocksDB tells from its background threads.
#ifndef KAPPA_STORAGE_ROCKS_LISTENER_H_
#define KAPPA_STORAGE_ROCKS_LISTENER_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "rocksdb/listener.h"

namespace kappa::storage {

// Thread safety: thread-safe.
class RocksListener final : public rocksdb::EventListener {
 public:
  // `on_fatal` is told of every background error, `on_flushed` of every flush
  // of `meta`.
  RocksListener(std::function<void(const absl::Status&)> on_fatal,
                std::function<void()> on_flushed);

  const char* Name() const override { return "kappa"; }
  void OnFlushCompleted(rocksdb::DB* database,
                        const rocksdb::FlushJobInfo& info) override;
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                         rocksdb::Status* error) override;
  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override;

  // All families are flushed at least to this sequence number (inclusive).
  uint64_t flushed_sequence() const { return flushed_sequence_; }
  // How often a write began to be slowed or stopped.
  uint64_t stalls() const { return stalls_; }

 private:
  const std::function<void(const absl::Status&)> on_fatal_;
  const std::function<void()> on_flushed_;
  std::atomic<uint64_t> flushed_sequence_{0};
  std::atomic<uint64_t> stalls_{0};
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_LISTENER_H_
