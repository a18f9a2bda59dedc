// RocksLogStore: the LogStore on RocksDB, one per data directory.
//
//   DIR/FORMAT      the format's version     DIR/watermark   what was promised
//   DIR/LOCK        one process at a time    DIR/db/         live RocksDB
//   DIR/sealed/     sealed segments, immutable files
//
// Families of DIR/db: `meta` (group, replica, directory, cycle, open and
// evidence rows),
// `side_metadata`, `side_producers`, `segment-<n>` (entries).
//
// Invariant: whatever a position shows is synced, and the watermark says so.
#ifndef KAPPA_STORAGE_ROCKS_LOG_STORE_H_
#define KAPPA_STORAGE_ROCKS_LOG_STORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/log_store.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace kappa::storage {

struct RocksLogStoreOptions {
  // The data directory; made when it is absent.
  std::string directory;
  // Entries go to a new segment when the active one holds this many bytes. At
  // least kSegmentBytesMin.
  uint64_t segment_bytes = uint64_t{8} << 30;
  // Of the active segment; at most two are in memory.
  size_t memtable_bytes = size_t{64} << 20;
  size_t block_cache_bytes = size_t{64} << 20;
  // What is read ahead of readers that go through sealed files in order.
  size_t read_ahead_bytes = size_t{32} << 20;
  uint64_t wal_bytes_max = uint64_t{512} << 20;
  // Flushes and seals write no faster than this, and slower while little is
  // appended (background_pace.h).
  uint64_t background_bytes_per_second = uint64_t{640} << 20;
  // Reads and flushes bypass the page cache where the file system can.
  bool direct_io = true;
  // See SealerOptions.
  uint64_t sealed_file_bytes_max = uint64_t{256} << 20;
  // See SegmentLifecycleOptions.
  int64_t repair_settle_us = 2'000'000;
  // What RocksDB's and sealed files are read and written through; absent: the
  // machine's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  // Called once the directory's lock is held, before anything in it is read or
  // written. May be absent.
  std::function<void()> on_locked;
  // While it is true nothing is sealed or rewritten: the disk is nearly full
  // (RELIABILITY.md S10). May be absent.
  std::shared_ptr<const std::atomic<bool>> sealing_paused;
  // Told, on any thread, that a sealed segment waits to be recorded: any Commit
  // does that, also an empty one. A hint: without it the next Commit does, and
  // an idle LogWriter makes one now and then.
  std::function<void()> on_commit_wanted;
  // Told of a failed write or sync, on any thread, perhaps more than once. Must
  // end the process within 1 s (RELIABILITY.md S9).
  std::function<void(const absl::Status&)> on_fatal;
};

inline constexpr uint64_t kSegmentBytesMin = uint64_t{1} << 20;

// How an existing directory was found.
struct OpenReport {
  bool created = false;
  // The log ended in damage, in a cycle that was never acknowledged: it was
  // dropped. One that only ends too early is no damage.
  bool torn_tail = false;
  // One of the two watermark slots was unreadable; the other was used.
  bool watermark_slot_damaged = false;
  // The log ended before the watermark's cycle and was continued with the copy
  // of that in its slot.
  bool continued = false;
  uint64_t recovered_cycle = 0;
  uint64_t watermark_cycle = 0;
  uint64_t replicas = 0;
  // Entries walked because no flush had covered them.
  uint64_t entries_walked = 0;
  uint64_t sealed_segments = 0;
};

// Counters since the open; sizes are of now.
struct RocksLogStoreStats {
  uint64_t cycles = 0;
  uint64_t wal_sync_us_total = 0;  // time of the synced batch writes
  // What cycles waited for their watermark after their log was synced.
  uint64_t watermark_sync_us_total = 0;
  uint64_t active_segment_bytes = 0;
  uint64_t sealed_segments = 0;
  uint64_t unsealed_segments = 0;  // active and waiting to be sealed
  uint64_t write_stalls = 0;       // RocksDB slowed or stopped a write
};

// Thread safety: as LogStore says.
class RocksLogStore final : public LogStore {
 public:
  // Opens the directory, or creates it when it is empty or absent. An existing
  // one is checked read-only before anything in it is changed (S3).
  // Errors: FAILED_PRECONDITION: in use by another process, of a newer format,
  // not a data directory, or an option that would let data expire; DATA_LOSS:
  // something that was promised is gone (S2, S3): the message names the file,
  // what is lost, the watermark against the recovered position; the process
  // must refuse to start; UNAVAILABLE, INTERNAL: the file system.
  static absl::StatusOr<std::unique_ptr<RocksLogStore>> Open(
      RocksLogStoreOptions options);

  ~RocksLogStore() override;

  absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) override;
  absl::Status DropReplicas(absl::Span<const ReplicaNumber> numbers) override;
  absl::Status Commit(absl::Span<const GroupWrite> writes) override;

  std::vector<ReplicaInfo> Replicas() const override;
  absl::StatusOr<ReplicaPosition> Position(
      ReplicaNumber replica) const override;
  absl::StatusOr<std::vector<StoredEntry>> Read(
      ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
      ReadClass read_class) const override;
  absl::StatusOr<EntryHeader> ReadHeader(ReplicaNumber replica,
                                         LogIndex index) const override;
  absl::StatusOr<LogIndex> FindOffset(ReplicaNumber replica,
                                      Offset offset) const override;
  absl::StatusOr<LogIndex> FindTime(ReplicaNumber replica,
                                    int64_t time_us) const override;
  absl::StatusOr<std::vector<raft::EntryId>> TermStarts(
      ReplicaNumber replica) const override;
  absl::StatusOr<std::optional<std::string>> GetSideRow(
      SideTable table, std::string_view key) const override;
  absl::Status ScanSideRows(
      SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const override;
  StoreCondition Condition() const override;
  GenerationLedger* generations() override;

  const OpenReport& open_report() const;
  // The present open and its newest durable cycle.
  Generation generation() const;
  RocksLogStoreStats stats() const;

 private:
  class State;
  explicit RocksLogStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_LOG_STORE_H_
