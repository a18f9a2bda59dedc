// MemoryLogStore: a LogStore in memory, for simulation and tests of the server.
//
// Written as the plain model of the contract in log_store.h, so that a contract
// test can compare the real store with it after every step.
#ifndef KAPPA_STORAGE_MEMORY_LOG_STORE_H_
#define KAPPA_STORAGE_MEMORY_LOG_STORE_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::storage {

// A crash loses nothing that Commit took and everything it did not: the object
// is the disk. Whoever simulates a crash keeps it, drops the writes still
// queued before it, and opens a node on it again.
//
// Thread safety: as LogStore says.
class MemoryLogStore final : public LogStore {
 public:
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

  // A store that holds what this one holds now.
  std::unique_ptr<MemoryLogStore> Copy() const;

  // --- faults ---

  // From now on every write changes nothing and fails with `error`, as after a
  // failed sync (RELIABILITY.md S9); OK: writes work again, as after a restart.
  void FailWrites(absl::Status error);
  // The entry's bytes rot: reading it answers DATA_LOSS.
  void DamageEntry(ReplicaNumber replica, LogIndex index);

 private:
  struct Replica {
    ReplicaSpec spec;
    bool dropped = false;
    ReplicaPosition position;
    std::deque<StoredEntry> entries;  // base + 1 and on
    std::set<LogIndex> damaged;
  };

  absl::StatusOr<const Replica*> Find(ReplicaNumber number) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(const GroupWrite& write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void InstallBase(const GroupBase& base, Replica* replica);
  static void Truncate(LogIndex from, Replica* replica);
  static void Repair(const EntryWrite& write, Replica* replica);
  static void Append(const EntryWrite& write, Replica* replica);
  // The first index whose header is not `before`; those that are come first.
  static LogIndex FindFirst(
      const Replica& replica,
      const std::function<bool(const EntryHeader&)>& before);

  mutable Mutex mutex_;
  absl::Status write_error_ ABSL_GUARDED_BY(mutex_);
  // Number of a replica: its place + 1.
  std::deque<Replica> replicas_ ABSL_GUARDED_BY(mutex_);
  std::array<std::map<std::string, std::string, std::less<>>, 2> side_tables_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_MEMORY_LOG_STORE_H_
