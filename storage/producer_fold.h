// ProducerFold: the state behind a ProducerTable, from when it is first needed.
#ifndef KAPPA_STORAGE_PRODUCER_FOLD_H_
#define KAPPA_STORAGE_PRODUCER_FOLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"
#include "storage/pending_batches.h"
#include "storage/producer_record.h"
#include "storage/producer_verdict.h"
#include "storage/unnamed_sessions.h"

namespace kappa::storage {

// The fold up to the committed index, and what is pending above it: decisions
// about batches. When to restore, fold and checkpoint is ProducerTable's.
//
// Thread safety: thread-compatible. Reads from the store block the caller.
class ProducerFold {
 public:
  ProducerFold(ReplicaNumber replica, const LogStore* store,
               const ProducerTableOptions& options)
      : replica_(replica),
        store_(store),
        options_(options),
        sessions_(options.unnamed_sessions_max, Offset(0)) {}

  PendingBatches& pending() { return pending_; }
  bool restored() const { return restored_; }
  bool checkpoint_under_way() const { return checkpoint_under_way_; }
  size_t changed_records() const { return changed_; }
  size_t cached_records() const { return records_.size(); }
  LogIndex durable_checkpoint() const { return durable_checkpoint_; }

  // Reads the rows, and the headers above them up to `last`.
  absl::Status Restore(LogIndex last);
  // Folds pending entries up to `committed`.
  absl::Status FoldThrough(LogIndex committed);
  absl::StatusOr<ProducerVerdict> Check(const ProducerStamp& stamp,
                                        uint64_t previous_sequence,
                                        Offset session_start_offset);
  // nullptr when there is none. Good until the next call of anything.
  absl::StatusOr<const ProducerRecord*> Find(const ProducerKey& key);
  std::vector<SideRow> TakeCheckpoint(LogIndex committed);
  void OnCheckpointDurable();

 private:
  struct Cached {
    ProducerRecord record;
    uint64_t last_use = 0;
    bool changed = false;  // after the last checkpoint
    bool written = false;  // by the checkpoint under way
  };

  absl::Status LoadSessions(const ProducerCheckpoint& checkpoint);
  absl::Status LoadHeaders(LogIndex after, LogIndex last);
  // nullptr when the producer is not known.
  absl::StatusOr<Cached*> Load(const ProducerKey& key);
  absl::Status Fold(const ProducerEntry& entry);
  void FoldSession(const ProducerEntry& entry);
  std::optional<ProducerVerdict> CheckEpoch(const ProducerStamp& stamp,
                                            const ProducerRecord* record) const;
  ProducerVerdict CheckSequence(const ProducerStamp& stamp,
                                uint64_t previous_sequence,
                                const ProducerRecord* record) const;
  void MarkChanged(Cached* cached);
  // Forgets the records used least recently that are on disk as they are.
  void TrimCache();

  const ReplicaNumber replica_;
  const LogStore* const store_;
  const ProducerTableOptions options_;
  bool restored_ = false;
  PendingBatches pending_;
  UnnamedSessions sessions_;
  absl::flat_hash_map<ProducerKey, std::unique_ptr<Cached>> records_;
  uint64_t uses_ = 0;
  size_t changed_ = 0;  // records with that flag
  // Rows of evicted sessions that the next checkpoint deletes.
  std::set<Uuid> evicted_;
  bool checkpoint_under_way_ = false;
  LogIndex next_checkpoint_;
  LogIndex durable_checkpoint_;
};

// What the fold needs of a header; nullopt when it has no producer.
std::optional<ProducerEntry> ProducerEntryOf(const EntryHeader& header);

// How far the durable rows of a replica go; nothing yet: index 0.
absl::StatusOr<ProducerCheckpoint> ReadProducerCheckpoint(
    const LogStore& store, ReplicaNumber replica);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PRODUCER_FOLD_H_
