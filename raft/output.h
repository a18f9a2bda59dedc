// What a core asks its owner to do.
#ifndef KAPPA_RAFT_OUTPUT_H_
#define KAPPA_RAFT_OUTPUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
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

// Everything up to `id` is gone or was never there; the log begins after it.
struct LogBase {
  EntryId id;
  Configuration configuration;
};

// Identifies one write; only a completion that matches counts (RAFT.md 10).
struct PersistToken {
  Term term;       // of the core when the write was issued
  LogIndex index;  // last index after the write
  uint64_t sequence = 0;
  friend bool operator==(const PersistToken&, const PersistToken&) = default;
};

// One atomic write. Persists of one core are made durable in their order.
struct Persist {
  PersistToken token;
  std::optional<LogBase> install_base;    // first: drop everything
  std::optional<LogIndex> truncate_from;  // then: drop this index and above
  std::vector<EntryMeta> entries;         // then: append, contiguous
  HardState hard_state;                   // always the newest
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

// What the owner must do, in the order of the fields.
struct Output {
  std::vector<Persist> persists;
  std::vector<Message> messages;  // may leave at once
  std::optional<CommitRange> committed;
  std::vector<ReadConfirmed> reads_confirmed;
  std::vector<uint64_t> reads_refused;  // leadership was lost; retry elsewhere
  bool role_changed = false;            // role(), term() or leader() changed
  bool configuration_changed = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_OUTPUT_H_
