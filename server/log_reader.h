// LogReader: reads stored batches of a replica, on a reader thread.
#ifndef KAPPA_SERVER_LOG_READER_H_
#define KAPPA_SERVER_LOG_READER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/chunk_cache.h"
#include "server/place_cache.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/scrub_state.h"

namespace kappa::server {

// What a shard knew of a log when it asked for a read.
struct ReadScope {
  ReplicaNumber replica;
  GroupId group;       // for messages
  LogIndex base;       // entries begin after it
  LogIndex committed;  // nothing above it is looked at
  Offset end_offset;   // after the entry at `committed`
};

// Batches found, control entries left out, in the order of reading.
struct ReadPiece {
  std::vector<storage::StoredEntry> entries;
  Offset next_offset;  // see ReadChunk
};

// Errors: DATA_DAMAGED; TOPIC_NOT_FOUND for a replica that was dropped;
// OVERLOADED: the store cannot read now.
//
// Thread safety: thread-safe.
class LogReader {
 public:
  // `store` and `known` must outlive this. What `known` names is not served.
  // `chunk_bytes` is kept for readers at the same place.
  LogReader(const storage::LogStore* store, const storage::KnownDamage* known,
            size_t chunk_bytes);

  // From the batch that holds `from`, until payloads reach `bytes_max` or a
  // batch begins at or above `until`.
  // Requires: from < scope.end_offset, from < until, from is not below the
  // base's offset.
  absl::StatusOr<ReadPiece> ReadForwards(const ReadScope& scope, Offset from,
                                         Offset until, size_t bytes_max,
                                         storage::ReadClass read_class);
  // From the batch that holds `from - 1` downwards, while batches end above
  // `until`.
  // Requires: until < from <= scope.end_offset; until not below the base's
  // offset.
  absl::StatusOr<ReadPiece> ReadBackwards(const ReadScope& scope, Offset from,
                                          Offset until, size_t bytes_max,
                                          storage::ReadClass read_class);
  // The offset of the first batch with append time at or after `time_us`, or
  // the end. The batch there and the one before it are whole, as far as is
  // known: else the first one could be among the damaged.
  absl::StatusOr<Offset> FindTime(const ReadScope& scope, int64_t time_us);
  absl::StatusOr<storage::EntryHeader> ReadHeader(const ReadScope& scope,
                                                  LogIndex index);
  // The header of the batch that holds `offset`.
  absl::StatusOr<storage::EntryHeader> ReadHeaderAt(const ReadScope& scope,
                                                    Offset offset);
  // The replica is being dropped: nothing of it is kept.
  void Forget(ReplicaNumber replica) { chunks_.Drop(replica); }

  uint64_t bytes_read() const { return bytes_read_.load(); }
  uint64_t shared_chunks() const { return chunks_.hits(); }
  size_t chunk_bytes() const { return chunks_.bytes(); }

 private:
  // DATA_LOSS when it is known that any entry of [from, last] is damaged.
  absl::Status CheckNotKnown(const ReadScope& scope, LogIndex from,
                             LogIndex last) const;
  absl::StatusOr<LogIndex> IndexOf(const ReadScope& scope, Offset offset);
  // Entries from `index` on: at least one, at most to the committed one.
  absl::StatusOr<std::vector<storage::StoredEntry>> ReadEntries(
      const ReadScope& scope, LogIndex index, size_t bytes_max,
      storage::ReadClass read_class);
  // Entries that end with the one at `index`, in order.
  absl::StatusOr<std::vector<storage::StoredEntry>> ReadEntriesUpTo(
      const ReadScope& scope, LogIndex index, size_t bytes_max,
      storage::ReadClass read_class);

  const storage::LogStore* const store_;
  const storage::KnownDamage* const known_;
  ChunkCache chunks_;
  PlaceCache places_;
  std::atomic<uint64_t> bytes_read_{0};
};

// Whether an error says that what was asked for is in KnownDamage, which stops
// its partition and lets it go on: nobody found anything new.
bool TellsKnownDamage(const absl::Status& status);

// DATA_LOSS for what is known to be damaged; ReadErrorOf keeps the knowledge.
absl::Status KnownDamageError(const storage::ScrubRange& range);

// A failure of the store, as users of the API see it; it keeps DamagedIndexOf.
absl::Status ReadErrorOf(const absl::Status& status, GroupId group);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOG_READER_H_
