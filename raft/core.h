// Core: the Raft state machine of one replica of one group, as a pure function
// of its inputs.
//
//   input (Step, Tick, Propose, OnPersisted, OnReadRequested, ...)
//      |
//      v
//   [ Core ] --- TakeOutput() ---> messages, persists, commits, reads, role
//
// The core has no thread, lock, clock, file or random source; time is Tick(),
// randomness a seed. It never waits for storage: a Persist goes out, and
// OnPersisted comes back some time later. Payload bytes never enter.
#ifndef KAPPA_RAFT_CORE_H_
#define KAPPA_RAFT_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"

namespace kappa::raft {

enum class Role : uint8_t { kFollower, kCandidate, kLeader, kLearner };

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

struct CoreOptions {
  ReplicaId self;
  GroupId group;
  // Ticks without a leader before an election; the actual time is drawn from
  // [n, 2n) with `random_seed`.
  uint32_t election_ticks = 10;
  uint32_t heartbeat_ticks = 1;
  // Past this many payload bytes that are proposed and not committed, Propose
  // is refused.
  uint64_t uncommitted_bytes_max = 64 << 20;
  uint64_t random_seed = 0;
};

// What storage recovered; all of it is durable.
struct RestoredState {
  HardState hard_state;
  LogBase base;
  EntryId last;                  // == base.id for an empty log
  Configuration configuration;   // the newest one in the log, or the base's
  LogIndex configuration_index;  // where that one stands
  // (term, first index of it) for every term in the log above the base,
  // ascending: the term-boundary table.
  std::vector<EntryId> term_starts;
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

// Indexes (first, last], newly committed.
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
  bool role_changed = false;            // see role(), term(), leader()
  bool configuration_changed = false;
};

// Invariants (checked by CheckInvariants):
//   last >= committed; last >= durable; committed and term never fall;
//   durable and last fall only by truncation, never below committed.
//
// Thread safety: thread-compatible; one owner (a shard) calls everything.
class Core {
 public:
  // Requires: `restored` is what storage holds. A fresh replica has term 0, an
  // empty log and the group's first configuration as base.
  Core(CoreOptions options, RestoredState restored);
  ~Core();
  Core(Core&&) noexcept;
  Core& operator=(Core&&) = delete;

  // --- inputs ---

  void Tick();
  // A message from another replica; stale or misaddressed ones are ignored.
  void Step(const Message& message);
  // On a fresh or restarted group: campaigns at once, without waiting for the
  // election time. A single voter is leader when this returns, and its no-op is
  // in the output.
  void Campaign();
  // Appends an entry as leader; it takes its place at last().index + 1 in
  // term(). Returns that id.
  // Errors: UNAVAILABLE: not leader (leader() may tell who), or leadership is
  // being transferred; RESOURCE_EXHAUSTED: uncommitted_bytes_max is reached.
  absl::StatusOr<EntryId> Propose(EntryKind kind, uint32_t record_count,
                                  uint64_t payload_bytes, EntryHandle handle);
  // Proposes a configuration; effective when appended.
  // Errors: FAILED_PRECONDITION: one is in flight, no entry of this term is
  // committed yet, or the change is illegal; UNAVAILABLE as for Propose.
  absl::StatusOr<EntryId> ProposeConfiguration(const Configuration& next,
                                               EntryHandle handle);
  // The write with this token is durable. Tokens of older terms, or overwritten
  // ones, change nothing.
  void OnPersisted(const PersistToken& token);
  // Asks for a linearizable read point; answered in reads_confirmed or
  // reads_refused with the same id.
  // Requires: ids are never used twice.
  void OnReadRequested(uint64_t id);

  // Everything since the last call.
  Output TakeOutput();
  // True if TakeOutput() would return anything.
  bool HasOutput() const;

  // --- state ---

  Role role() const;
  Term term() const;
  std::optional<ReplicaId> leader() const;
  EntryId last() const;
  LogIndex committed() const;
  LogIndex durable() const;
  const Configuration& configuration() const;
  uint64_t uncommitted_bytes() const;
  // First index of the leader's own term (its no-op): a leader may answer
  // linearizable requests once this is committed. 0 when not leader.
  LogIndex leader_term_start() const;
  // The term of an index in [base, last], or nullopt outside.
  std::optional<Term> TermAt(LogIndex index) const;

  // Aborts when an invariant does not hold; called after every input in tests.
  void CheckInvariants() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CORE_H_
