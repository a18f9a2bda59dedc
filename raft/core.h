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
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/configuration_change.h"
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"
#include "raft/peer_status.h"
#include "raft/role.h"

namespace kappa::raft {

// Invariants (checked by CheckInvariants):
//   last >= committed >= readable; last >= durable; committed, readable and
//   term never fall; durable and last fall only by truncation, never below
//   committed.
//
// Thread safety: thread-compatible; one owner (a shard) calls everything.
class Core {
 public:
  // Requires: `restored` is what storage holds. A fresh replica has term 0, an
  // empty log and the group's first configuration as base.
  Core(CoreOptions options, RestoredState restored);
  // For an owner of many groups, which share their settings.
  // Requires: settings is not null.
  Core(const CoreIdentity& identity,
       std::shared_ptr<const CoreSettings> settings, RestoredState restored);
  ~Core();
  Core(Core&&) noexcept;
  Core& operator=(Core&&) = delete;

  // --- inputs: time, messages, liveness ---

  // One tick has passed. On a fresh group the voter of rank (group number
  // modulo voters) campaigns at its first tick. Does nothing while quiescent().
  void Tick();
  // A message from another replica; stale or misaddressed ones are ignored.
  // Wakes a quiescent core.
  void Step(const Message& message);
  // The owner's failure detector changed its mind about a node: heartbeats
  // between nodes stopped, came back, or the node started anew (report a start
  // as silent, then alive). Wakes a quiescent core that has a replica there.
  void OnNodeLiveness(NodeId node, bool alive);
  // On a fresh or restarted group: campaigns at once, without waiting for the
  // election time. A single voter is leader when this returns, and its no-op is
  // in the output.
  void Campaign();

  // --- inputs: proposals ---

  // Appends an entry as leader; it takes its place at last().index + 1 in
  // term(). Returns that id. On a quiescent follower it fails, too, but wakes
  // it: the output asks for the leader, and without an answer it stands after
  // an election time.
  // Requires: kind is kRecords or kProducerFence.
  // Errors: UNAVAILABLE: not leader (leader() may tell who), or leadership is
  // being transferred; RESOURCE_EXHAUSTED: the entry would exceed
  // uncommitted_bytes_max; never when nothing is uncommitted.
  absl::StatusOr<EntryId> Propose(EntryKind kind, uint32_t record_count,
                                  uint64_t payload_bytes, EntryHandle handle);
  // Appends a configuration entry as leader; it takes effect at once. The entry
  // in the output has handle 0: its content is entries[i].configuration.
  // Errors: UNAVAILABLE as for Propose; FAILED_PRECONDITION: the newest
  // configuration, or an entry of this leader's term, is not committed yet;
  // INVALID_ARGUMENT: the change is illegal (configuration_change.h).
  absl::StatusOr<EntryId> ProposeConfiguration(
      const ConfigurationChange& change);
  // Hands leadership to a voter; without `target` to the best one. Proposals
  // are refused until it ends (Output::transfer_ended), which takes an election
  // time at most. Repeating it for the same target changes nothing.
  // Errors: UNAVAILABLE: not leader; INVALID_ARGUMENT: target is self or no
  // voter; FAILED_PRECONDITION: a transfer to another target is under way, or
  // no voter is known to be alive.
  absl::Status TransferLeadership(std::optional<ReplicaId> target);

  // --- inputs: storage ---

  // The write with this token is durable, and so are all before it. Tokens of
  // older terms change nothing; a write whose entries were overwritten since
  // proves only what lies below the cut.
  // Requires: a token of this object, not of one before a restart.
  void OnPersisted(const PersistToken& token);
  void OnDiskHealth(DiskHealth health);
  // Never votes, acknowledges, leads or sends again: a write failed (RAFT.md
  // 17), or the replica may have forgotten something (RELIABILITY.md S5).
  void Halt();
  // The stored entry at `index` cannot be read; `chain` is the digest up to it
  // as the log's headers prove it. Fetches an equal one from other replicas;
  // a leader that cannot within an election time steps down (RELIABILITY.md
  // S7). An uncommitted one is given up once a majority proves that it never
  // had it (S8). Below the base or above last(): ignored.
  void OnEntryDamaged(LogIndex index, const Digest& chain);

  // --- inputs: the start of the log ---

  // Drops committed entries up to `base.id`; the owner keeps the state up to
  // there and sends it to replicas that need it.
  // Errors: FAILED_PRECONDITION: not above the present base, above the
  // committed or durable index, another term or configuration than the log's.
  absl::Status TrimTo(const LogBase& base);
  // Replaces the whole log: the owner holds the group's state up to `base`,
  // which is committed in the group, and lacks the entries before it.
  // Errors: FAILED_PRECONDITION: not a follower; the base is at or below the
  // commit index, its entry is in the log, or its term is later than term().
  absl::Status InstallBase(const LogBase& base);

  // --- inputs: reads ---

  // Asks for a linearizable read point; answered in reads_confirmed or
  // reads_refused with the same id. A follower asks its leader.
  // Requires: ids are never used twice by this object.
  void OnReadRequested(uint64_t id);

  // --- inputs: the operator ---

  // Makes this replica the only voter, and its whole log committed: the
  // operator states that no majority of the present configuration will ever
  // come back. Appends a configuration entry in a new term and leads. What
  // other replicas held beyond this log is lost.
  // The term is the next multiple of 2^32: above any term in which another
  // replica may have led unheard. Recover one replica only: two recovered from
  // the same state lead in the same term.
  // Errors: FAILED_PRECONDITION: a leader is known, or an entry is damaged.
  absl::Status RecoverAlone();

  // --- output ---

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
  // What may be shown to readers: committed and on this replica's disk.
  LogIndex readable() const;
  EntryId base() const;
  // The newest one in the log, whether committed or not.
  const Configuration& configuration() const;
  // Payload bytes that this leader proposed and that are not committed; 0 when
  // not leader.
  uint64_t uncommitted_bytes() const;
  // First index of the leader's own term (its no-op): a leader may answer
  // linearizable requests once this is committed. 0 when not leader.
  LogIndex leader_term_start() const;
  // The term of an index in [base, last], or nullopt outside.
  std::optional<Term> TermAt(LogIndex index) const;
  bool quiescent() const;
  bool halted() const;
  bool transferring() const;
  // Whether reads are answered by lease at the moment.
  bool holds_lease() const;
  // Indexes of damaged entries that are not repaired yet, ascending.
  std::vector<LogIndex> damaged() const;
  // What a leader knows of the others, ascending by id; empty when not leader.
  std::vector<PeerStatus> peers() const;

  // Aborts when an invariant does not hold; called after every input in tests.
  void CheckInvariants() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CORE_H_
