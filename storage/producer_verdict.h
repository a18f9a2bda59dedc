// What a ProducerTable is asked and answers.
#ifndef KAPPA_STORAGE_PRODUCER_VERDICT_H_
#define KAPPA_STORAGE_PRODUCER_VERDICT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/wire/types.h"

namespace kappa::storage {

struct ProducerTableOptions {
  // Part of the fold: must be equal on all replicas and never change; other
  // values are for tests.
  size_t unnamed_sessions_max = 10'000;
  // Records kept in memory beside those a checkpoint has not covered yet.
  size_t cached_records_max = 256;
  // When a checkpoint is due: so many payload bytes after the last one, so long
  // after the first payload since then, or so many changed records.
  uint64_t checkpoint_bytes = uint64_t{64} << 20;
  int64_t checkpoint_period_us = 10'000'000;
  size_t checkpoint_records = 8'192;
};

enum class ProducerDecision : uint8_t {
  // Append it.
  kAccept,
  // The sequence stands at `index`. Answer with that entry's place when its
  // payload SHA-256 is the same, else SEQUENCE_REUSED.
  kDuplicate,
  // PRODUCER_FENCED: `epoch` is the current one.
  kFenced,
  // SEQUENCE_GAP: `last_sequence` is the last one accepted.
  kSequenceGap,
  // SEQUENCE_STORED.
  kSequenceStored,
  // PRODUCER_UNKNOWN: an unnamed session that may have been evicted, or a
  // sequence of which nobody knows any more whether it was stored or skipped.
  kUnknown,
};

struct ProducerVerdict {
  ProducerDecision decision = ProducerDecision::kAccept;
  LogIndex index;              // kDuplicate
  uint64_t epoch = 0;          // kFenced
  uint64_t last_sequence = 0;  // kSequenceGap
  // The decision rests on entries up to this index, which may not be committed
  // yet: answer only when it is. 0: on committed ones only. (A gap or an
  // unknown session also rests on the log having nothing more: DESIGN.md §6.)
  LogIndex rests_on;
};

// Where a producer stands in the partition, by the committed log.
struct ProducerView {
  uint64_t epoch = 0;
  uint64_t last_sequence = 0;  // 0: none yet
  std::optional<std::string> state;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_PRODUCER_VERDICT_H_
