// ProducerTable: what makes appends of one partition exact.
//
//   committed log --fold--> records --checkpoint--> rows of
//   SideTable::kProducers
//                              +
//   appended, not committed: pending batches (dropped by truncation)
//
// The fold over committed entries gives, per producer, {epoch, last sequence,
// state, the last 128 results as (sequence, index)}. A decision rests on the
// fold and on what is pending, so that no batch gets a second place in the log,
// whatever became of the first answer (RELIABILITY.md P4). A named producer
// (epoch from 1) is never forgotten. Unnamed sessions (epoch 0) live in a
// bounded table: the one unused for longest, counted in log order, is evicted,
// and `evicted offset` remembers the highest offset after any batch of an
// evicted session. A session that is not in the table and began at or above it
// is new; another one might have been forgotten and is refused.
//
// Everything in the fold depends on the committed log only, so all replicas
// agree.
#ifndef KAPPA_STORAGE_PRODUCER_TABLE_H_
#define KAPPA_STORAGE_PRODUCER_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"
#include "storage/producer_fold.h"
#include "storage/producer_record.h"
#include "storage/producer_verdict.h"

namespace kappa::storage {

// Costs a few words until the partition meets a producer: the checkpoint and
// the log above it are read when they are first needed.
//
// Thread safety: thread-compatible; one shard owns it. Reads from the store
// block the caller.
class ProducerTable {
 public:
  // `last` is the last index of the replica's log in the store. `store` must
  // outlive the table.
  ProducerTable(ReplicaNumber replica, const LogStore* store, LogIndex last,
                ProducerTableOptions options = {});
  ~ProducerTable();
  ProducerTable(ProducerTable&&) noexcept;
  ProducerTable& operator=(ProducerTable&&) noexcept;

  // Decides about a batch; changes nothing. Checks epoch, then sequence. To be
  // called by the leader only, with every entry of its log reported by
  // OnAppended. `previous_sequence` absent: stamp.sequence - 1.
  // `session_start_offset` counts for unnamed sessions (epoch 0).
  // Requires: stamp.present(), 1 <= sequence, previous_sequence < sequence.
  // Errors: those of LogStore reads; the batch must be refused as UNAVAILABLE
  // or DATA_LOSS.
  absl::StatusOr<ProducerVerdict> Check(
      const ProducerStamp& stamp, std::optional<uint64_t> previous_sequence,
      Offset session_start_offset);
  // Where a producer stands; nullopt when the partition never met it. For a
  // named producer unless `epoch_zero`.
  absl::StatusOr<std::optional<ProducerView>> Lookup(const Uuid& id,
                                                     bool epoch_zero = false);

  // An entry took its place in the log, on a leader or a follower, durable or
  // not; called for every entry in the order of indexes.
  void OnAppended(const EntryHeader& header);
  // Everything up to `index` is committed; `now_us` is monotonic.
  // Errors: those of LogStore reads: after DATA_LOSS the partition must stop;
  // anything else is made up for by the next call.
  absl::Status OnCommitted(LogIndex index, int64_t now_us);
  // Entries from `from` on left the log. Requires: none is committed.
  void OnTruncated(LogIndex from);
  // A base was installed together with producer rows as of the base (those of
  // another replica: ProducerRowsPrefix, keys renamed); everything here is
  // forgotten.
  void OnBaseInstalled(LogIndex base);

  // True when a checkpoint should be taken; false while one is under way.
  bool CheckpointDue(int64_t now_us) const;
  // Rows to be written for this replica, in one GroupWrite, ordered after all
  // entries reported so far. One checkpoint at a time.
  absl::StatusOr<std::vector<SideRow>> TakeCheckpoint();
  // The rows of the last TakeCheckpoint are durable.
  void OnCheckpointDurable();

  // The index that the newest durable checkpoint covers.
  absl::StatusOr<LogIndex> checkpoint_index();
  // Records in memory; for tests and metrics.
  size_t cached_records() const;

 private:
  ProducerFold& MakeFold();
  // Reads the checkpoint and the log above it, if that was not done.
  absl::Status Restore();

  ReplicaNumber replica_;
  const LogStore* store_;
  ProducerTableOptions options_;
  LogIndex last_in_store_;  // Restore reads headers up to here
  LogIndex committed_;
  uint64_t bytes_since_checkpoint_ = 0;
  std::optional<int64_t> first_change_at_us_;  // after the last checkpoint
  std::unique_ptr<ProducerFold> fold_;         // absent until it is needed
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PRODUCER_TABLE_H_
