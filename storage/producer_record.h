// What the fold over the committed log knows of one producer, and its row.
#ifndef KAPPA_STORAGE_PRODUCER_RECORD_H_
#define KAPPA_STORAGE_PRODUCER_RECORD_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/entry.h"
#include "storage/entry_header.h"

namespace kappa::storage {

// Results kept per producer; an older sequence is known to be stored, but not
// where.
inline constexpr size_t kProducerResultsMax = 128;

// Named producers and unnamed sessions are kept apart: an id means one thing
// in each.
struct ProducerKey {
  Uuid id{};
  bool named = false;
  friend auto operator<=>(const ProducerKey&, const ProducerKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ProducerKey& key) {
    return H::combine(std::move(h), key.id, key.named);
  }
};

// What the fold needs of an entry with a producer.
struct ProducerEntry {
  LogIndex index;
  raft::EntryKind kind = raft::EntryKind::kRecords;  // or kProducerFence
  ProducerStamp stamp;
  Offset next_offset;
  std::optional<std::string> state;

  ProducerKey key() const { return {stamp.id, stamp.epoch > 0}; }
  bool batch() const { return kind == raft::EntryKind::kRecords; }
};

// Where a sequence stands.
struct ProducerResult {
  uint64_t sequence = 0;
  LogIndex index;
  friend bool operator==(const ProducerResult&,
                         const ProducerResult&) = default;
};

struct ProducerRecord {
  uint64_t epoch = 0;
  uint64_t last_sequence = 0;
  LogIndex last_index;      // of its last batch
  Offset last_next_offset;  // after its last batch
  // Sequences in [stored_from, stored_through] were stored, and their results
  // are not kept. Of those below, some may have been skipped: nobody knows any
  // more which were stored.
  uint64_t stored_from = 1;
  uint64_t stored_through = 0;
  std::optional<std::string> state;
  std::vector<ProducerResult> results;  // ascending, the newest ones

  // Takes in the next committed entry.
  void Fold(const ProducerEntry& entry);
  // Forgets everything below `sequence`.
  void ForgetBelow(uint64_t sequence);
  friend bool operator==(const ProducerRecord&,
                         const ProducerRecord&) = default;
};

std::string EncodeProducerRecord(const ProducerRecord& record);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<ProducerRecord> DecodeProducerRecord(std::string_view bytes);

// How far the rows go.
struct ProducerCheckpoint {
  LogIndex index;  // the rows are the fold up to here
  Offset evicted_offset;
  uint64_t unnamed_sessions = 0;
};

std::string EncodeProducerCheckpoint(const ProducerCheckpoint& checkpoint);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<ProducerCheckpoint> DecodeProducerCheckpoint(
    std::string_view bytes);

// All rows of a replica in SideTable::kProducers begin with this.
std::string ProducerRowsPrefix(ReplicaNumber replica);
std::string ProducerCheckpointKey(ReplicaNumber replica);
std::string ProducerRecordKey(ReplicaNumber replica, const ProducerKey& key);
// What the keys of all unnamed sessions begin with; the rest is the id.
std::string UnnamedSessionsPrefix(ReplicaNumber replica);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PRODUCER_RECORD_H_
