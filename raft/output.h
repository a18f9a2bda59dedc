// What a core asks its owner to do.
#ifndef KAPPA_RAFT_OUTPUT_H_
#define KAPPA_RAFT_OUTPUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"

namespace kappa::raft {

// What must survive a crash besides the entries. A vote never changes within a
// term, and term and vote are stored together (RAFT.md 1, 2).
struct HardState {
  Term term;
  std::optional<ReplicaId> vote;
  friend bool operator==(const HardState&, const HardState&) = default;
};

// Identifies one write; only a completion that matches counts (RAFT.md 10).
struct PersistToken {
  Term term;       // of the core when the write was issued
  LogIndex index;  // last index after the write
  uint64_t sequence = 0;
  friend bool operator==(const PersistToken&, const PersistToken&) = default;
};

// One atomic write. Persists of one core are made durable in their order; the
// parts of one are applied in the order of the fields.
struct Persist {
  PersistToken token;
  // State bytes of a base that is being received, to be kept aside until
  // install_base with the same id, or dropped when another base begins at 0.
  std::shared_ptr<const BaseChunk> base_chunk;
  std::optional<LogBase> install_base;    // drop everything, begin here
  std::optional<LogBase> trim_to;         // drop entries up to and with its id
  std::optional<LogIndex> truncate_from;  // drop this index and above
  std::vector<EntryMeta> repairs;  // replace damaged entries by equal ones
  std::vector<EntryMeta> entries;  // append, contiguous
  HardState hard_state;            // always the newest
  // May leave only after this write is durable: votes, acknowledgements.
  std::vector<Message> messages_after;
};

// Indexes (after, last], newly committed.
struct CommitRange {
  LogIndex after;
  LogIndex last;
};

// A read requested with `id` may be served once everything up to `index` is
// readable.
struct ReadConfirmed {
  uint64_t id = 0;
  LogIndex index;
};

// How a leadership transfer ended.
enum class TransferResult : uint8_t {
  kDone,      // another replica leads, or at least this one does not any more
  kTimedOut,  // an election time passed; proposals are taken again
  kAborted,   // the target left the voters, or its disk is no better than the
              // leader's; proposals are taken unless another transfer begins
};

// What the owner must do, in the order of the fields.
struct Output {
  std::vector<Persist> persists;
  std::vector<Message> messages;  // may leave at once
  std::optional<CommitRange> committed;
  std::vector<ReadConfirmed> reads_confirmed;
  std::vector<uint64_t> reads_refused;  // leadership was lost; retry elsewhere
  std::optional<TransferResult> transfer_ended;
  bool role_changed = false;  // role(), term() or leader() changed
  bool configuration_changed = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_OUTPUT_H_
