// LogStore: the entries and positions of all replicas of one data directory.
// Implemented on RocksDB (rocks_log_store.h) and in memory
// (memory_log_store.h, for simulation); one contract test runs on both.
#ifndef KAPPA_STORAGE_LOG_STORE_H_
#define KAPPA_STORAGE_LOG_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/core.h"
#include "raft/entry.h"
#include "storage/entry_header.h"
#include "storage/generation_ledger.h"

namespace kappa::storage {

// The log begins after this: entries up to `id` are not there (any more).
using GroupBase = raft::LogBase;

// Where a replica's stored log stands; stored as its group row together with
// the entries it describes.
struct ReplicaPosition {
  raft::HardState hard_state;
  GroupBase base;
  raft::EntryId last;  // base.id for an empty log
  Offset end_offset;   // offset of the next record
  Digest chain{};      // after `last`
  int64_t last_append_time_us = 0;
  friend bool operator==(const ReplicaPosition&,
                         const ReplicaPosition&) = default;
};

// A replica as it is created.
struct ReplicaSpec {
  GroupId group;
  raft::Configuration configuration;  // the group's first one
  ReplicaId self;
  Digest chain_start{};
};

// Of a log that was never written to.
inline ReplicaPosition EmptyPosition(const ReplicaSpec& spec) {
  ReplicaPosition position;
  position.base.chain = spec.chain_start;
  position.base.configuration = spec.configuration;
  position.chain = spec.chain_start;
  return position;
}

struct ReplicaInfo {
  ReplicaNumber number;
  ReplicaSpec spec;
};

struct EntryWrite {
  EntryHeader header;
  Payload payload;
};

// Tables beside the log whose rows are written together with entries.
enum class SideTable : uint8_t {
  kMetadata = 0,   // applied state of the metadata group
  kProducers = 1,  // producer state and its checkpoints
};

// Puts a row, or deletes it when `value` is absent.
struct SideRow {
  SideTable table = SideTable::kMetadata;
  std::string key;
  std::optional<std::string> value;
};

// What one replica wants to make durable; applied in the order of the fields.
struct GroupWrite {
  ReplicaNumber replica;
  std::optional<GroupBase> install_base;  // drops the whole log
  std::optional<LogIndex> truncate_from;  // drops this index and above
  // Take the place of entries that are damaged (RELIABILITY.md S7).
  std::vector<EntryWrite> repairs;
  std::vector<EntryWrite> entries;  // contiguous after the last one
  std::optional<raft::HardState> hard_state;
  std::vector<SideRow> side_rows;
};

// Of all payloads in them.
inline size_t PayloadBytes(absl::Span<const GroupWrite> writes) {
  size_t bytes = 0;
  for (const GroupWrite& write : writes) {
    for (const EntryWrite& repair : write.repairs) {
      bytes += repair.payload.bytes();
    }
    for (const EntryWrite& entry : write.entries) {
      bytes += entry.payload.bytes();
    }
  }
  return bytes;
}

// An entry as read. The payload keeps what it points into alive; its CRC32C has
// been checked.
struct StoredEntry {
  EntryHeader header;
  Payload payload;
};

// Who reads, and so which cache and read-ahead are used.
enum class ReadClass : uint8_t {
  kPoint = 0,   // single entries; fills the block cache
  kReplay = 1,  // long scans; direct reads with read-ahead, cache not filled
};

// What a store reports of itself, for /metrics.
struct StoreCondition {
  uint64_t write_stalls = 0;     // times that writes were slowed or stopped
  bool writes_stalled = false;   // they are now, for want of memory
  uint64_t live_segments = 0;    // not sealed yet
  uint64_t sealed_segments = 0;  // now
};

// Writes are made by one thread (LogWriter); everything else is thread-safe.
class LogStore {
 public:
  virtual ~LogStore() = default;

  // --- writing: the one writer thread only ---

  // Creates replicas with empty logs, all or none, durable on return. Numbers
  // are given in the order of `specs` and never reused.
  virtual absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) = 0;
  // Forgets a replica and its rows in SideTable::kProducers: a durable,
  // permanent record of the act; its space comes back when segments are
  // rewritten. Its number stays used. Unknown or already dropped: OK, nothing
  // changes.
  virtual absl::Status DropReplicas(
      absl::Span<const ReplicaNumber> numbers) = 0;
  // One cycle: all writes atomically; durable (synced, and the watermark
  // advanced) on return.
  // Requires: entries are contiguous to the replica's log and carry its next
  // offsets and chain; repairs were proven equal to what stood at their index
  // (FindProven); replicas exist. A breach is a bug (KAPPA_CHECK).
  // Errors: any error is final: the owner ends the process (RELIABILITY.md S9).
  virtual absl::Status Commit(absl::Span<const GroupWrite> writes) = 0;

  // --- reading: any thread, at any time; sees durable entries only ---

  // Ordered by number.
  virtual std::vector<ReplicaInfo> Replicas() const = 0;
  // Errors: NOT_FOUND.
  virtual absl::StatusOr<ReplicaPosition> Position(
      ReplicaNumber replica) const = 0;
  // Entries from `from` on, in order, until `last` (inclusive), the end of the
  // log, or until their payloads reach `bytes_max` (at least one entry). Empty
  // only if `from` is beyond the end.
  // Errors: OUT_OF_RANGE: `from` is at or below the base; DATA_LOSS: a damaged
  // or missing entry, named by replica and index (also by DamagedIndexOf); what
  // stands before it is returned first by a read that ends before it.
  virtual absl::StatusOr<std::vector<StoredEntry>> Read(
      ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
      ReadClass read_class) const = 0;
  // The header of one entry. Errors as for Read; OUT_OF_RANGE beyond the end.
  virtual absl::StatusOr<EntryHeader> ReadHeader(ReplicaNumber replica,
                                                 LogIndex index) const = 0;
  // The first entry whose next_offset() is above `offset`, that is the one
  // which holds it; the index after the last one if there is none. Only for
  // offsets at or above the base's.
  virtual absl::StatusOr<LogIndex> FindOffset(ReplicaNumber replica,
                                              Offset offset) const = 0;
  // The first entry whose append time is at or after `time_us`; the index after
  // the last one if there is none.
  virtual absl::StatusOr<LogIndex> FindTime(ReplicaNumber replica,
                                            int64_t time_us) const = 0;
  // (term, first index of it) for every term in the log above the base.
  virtual absl::StatusOr<std::vector<raft::EntryId>> TermStarts(
      ReplicaNumber replica) const = 0;
  // A side row. nullopt when absent.
  virtual absl::StatusOr<std::optional<std::string>> GetSideRow(
      SideTable table, std::string_view key) const = 0;
  // Side rows whose key begins with `prefix`, ordered by key, until `visit`
  // returns false.
  virtual absl::Status ScanSideRows(
      SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const = 0;

  virtual StoreCondition Condition() const { return {}; }
  // How far this directory and those of other nodes have come (RELIABILITY.md
  // S6). Null: a store that keeps no generations. As long as the store.
  virtual GenerationLedger* generations() { return nullptr; }
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_LOG_STORE_H_
