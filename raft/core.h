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
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"

namespace kappa::raft {

enum class Role : uint8_t { kFollower, kCandidate, kLeader };

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
  // Requires: kind is kRecords or kProducerFence.
  // Errors: UNAVAILABLE: not leader (leader() may tell who);
  // RESOURCE_EXHAUSTED: the entry would exceed uncommitted_bytes_max; never
  // when nothing is uncommitted.
  absl::StatusOr<EntryId> Propose(EntryKind kind, uint32_t record_count,
                                  uint64_t payload_bytes, EntryHandle handle);
  // Replaces the whole log: the owner holds the group's state up to `base`,
  // which is committed in the group, and lacks the entries before it.
  // Errors: FAILED_PRECONDITION: not a follower; the base is at or below the
  // commit index, its entry is in the log, or its term is later than term().
  absl::Status InstallBase(const LogBase& base);
  // The write with this token is durable, and so are all before it. Tokens of
  // older terms change nothing; a write whose entries were overwritten since
  // proves only what lies below the cut.
  // Requires: a token of this object, not of one before a restart.
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
  // Payload bytes that this leader proposed and that are not committed; 0 when
  // not leader.
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
