// PendingBatches: entries of producers that are in the log and not committed.
#ifndef KAPPA_STORAGE_PENDING_BATCHES_H_
#define KAPPA_STORAGE_PENDING_BATCHES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/types.h"
#include "storage/producer_record.h"

namespace kappa::storage {

// Memory is bounded by what Raft lets be uncommitted.
//
// Thread safety: thread-compatible.
class PendingBatches {
 public:
  // The entry of one producer that a question was about.
  struct Found {
    LogIndex index;
    uint64_t epoch = 0;
    uint64_t sequence = 0;
  };

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  const ProducerEntry& front() const { return entries_.front(); }

  // Requires: entry.index is above all others.
  void Add(ProducerEntry entry);
  // Puts entries, in order, before all others.
  void AddBefore(std::vector<ProducerEntry> entries);
  // Requires: !empty().
  ProducerEntry TakeFront();
  void DropFrom(LogIndex from);

  bool Knows(const ProducerKey& key) const { return places_.contains(key); }
  // The first entry of the producer with a higher epoch.
  std::optional<Found> FirstAboveEpoch(const ProducerKey& key,
                                       uint64_t epoch) const;
  // The batch with that sequence.
  std::optional<Found> BatchOf(const ProducerKey& key, uint64_t sequence) const;
  // The producer's first batch.
  std::optional<Found> FirstBatch(const ProducerKey& key) const;
  // The producer's last batch.
  std::optional<Found> LastBatch(const ProducerKey& key) const;

 private:
  struct Places {
    std::deque<Found> batches;  // ascending in index, epoch and sequence
    std::deque<Found> epochs;   // entries that raise the epoch, ascending
    size_t entries = 0;
  };

  void Rebuild();
  void AddPlace(const ProducerEntry& entry);

  std::deque<ProducerEntry> entries_;  // ascending in index
  absl::flat_hash_map<ProducerKey, Places> places_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PENDING_BATCHES_H_
