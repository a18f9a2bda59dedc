// GroupLog: a replica's Raft core together with the entries that are not
// readable yet; the owner that raft/README.md asks for.
//
//   stored, readable (1)      | stored (2)    | pending: in memory, (2), last]
//   ... 41 42 43              | 44 45         | 46 47 48
//        committed_tail() ────┘  restored ────┘        └──── tail()
//
// (1) committed, and durable here. (2) only after a start: what the log held
// then, until it is known to be committed, or truncated.
#ifndef KAPPA_SERVER_GROUP_LOG_H_
#define KAPPA_SERVER_GROUP_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "raft/core.h"
#include "server/append_clock.h"
#include "server/log_bytes.h"
#include "server/log_tail.h"
#include "server/node_directory.h"
#include "server/outgoing_messages.h"
#include "server/received_repairs.h"
#include "server/repair_budget.h"
#include "server/ring_queue.h"
#include "server/write_cycle.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::server {

struct GroupLogOptions {
  // See raft::CoreIdentity: differs at each start of the replica.
  uint64_t instance = 0;
  // Shared by the groups of a node; null: the defaults.
  std::shared_ptr<const raft::CoreSettings> settings;
  // Where other nodes serve clients; null: nobody knows. Outlives the log.
  const NodeDirectory* nodes = nullptr;
  // Shared by the groups of a node; null: one of its own.
  std::shared_ptr<RepairBudget> repair_budget;
  // Other replicas learn of a commit with the next message, at the latest at
  // the next tick (commit_notices.h). False: at once.
  bool holds_notices = false;
};

// Told of every change of the log, in order, while it happens.
class GroupLogObserver {
 public:
  virtual ~GroupLogObserver() = default;
  // An entry took its place at the end of the log.
  virtual void OnAppended(const storage::EntryHeader& header) = 0;
  // The newest `entries` entries, from `from` on, are gone; of them `pending`
  // were pending.
  virtual void OnTruncated(LogIndex from, uint64_t entries,
                           uint64_t pending) = 0;
};

// Entries of other replicas are checked (checksums, places, chain) before the
// core hears of them, so nothing is stored or acknowledged unchecked.
//
// Invariants: tail().last == core's last, except between an input and the next
// call of anything; pending entries are contiguous and end there.
// Thread safety: thread-compatible.
class GroupLog {
 public:
  // What the core told since the last call.
  struct Progress {
    bool committed = false;  // PopCommitted has something
    std::vector<raft::ReadConfirmed> reads_confirmed;
    std::vector<uint64_t> reads_refused;
    // For other replicas; may leave at once.
    std::vector<GroupMessage> messages;
    // To be read from the store, and told by OnLogRead.
    std::vector<LogRead> reads;
    // To be proven by storage::FindProven, and told by OnRepairsChecked.
    std::optional<RepairCheck> repair_check;
    // Damaged entries that are durably repaired, or gone.
    std::vector<LogIndex> repaired;
    // The lowest index from which on entries were truncated. What was at or
    // above it is gone, also if other entries are there now.
    std::optional<LogIndex> truncated_from;
    // It led, and does not any more, or does again in a later term.
    bool lost_leadership = false;
    bool role_changed = false;  // leads(), term() or leader() changed
    std::optional<raft::TransferResult> transfer_ended;
  };

  // What the store holds of a replica, as a core is made from it.
  // Errors: those of the store; DATA_LOSS: an entry is damaged, and nothing
  // else tells where terms begin.
  static absl::StatusOr<GroupLog> Recover(const storage::LogStore& store,
                                          const storage::ReplicaInfo& replica,
                                          const AppendClock* clock,
                                          GroupLogOptions options = {});
  GroupLog(GroupLog&&) = default;

  // From now on; null: nobody. Must outlive this.
  void SetObserver(GroupLogObserver* observer) { observer_ = observer; }

  ReplicaNumber number() const { return number_; }
  GroupId group() const { return group_; }
  ReplicaId self() const { return self_; }
  // Of an entry that Recover met and found damaged, to be reported; OK: none.
  const absl::Status& damage_at_start() const { return damage_at_start_; }

  // --- inputs ---

  // Stands for election at once; a single voter leads when this returns. Not
  // for a replica with other voters that merely started: it waits its time.
  void Campaign();
  // Of a group that is new: `leader` shall lead first, and stands at the first
  // tick if it is fit to; the others let no time pass for two election times,
  // unless they hear of a term before, or that its node is silent. (The core
  // would have another voter stand, by the group's number.) Does nothing once
  // there was a term, or where nobody else votes.
  void PreferFirstLeader(ReplicaId leader);
  // Whether nobody else votes.
  bool sole_voter() const;
  // One tick of the core has passed.
  void Tick();
  // Whether ticks are of no use until something else happens.
  bool quiescent() const { return core_.quiescent(); }
  // Whether Collect would hand out anything that a tick has caused.
  bool has_output() const { return core_.HasOutput() || notices_due_; }
  // A leader without any other replica waits for nobody. (A sole voter that
  // does not lead yet, or has learners, does.)
  bool needs_ticks() const {
    const bool alone =
        leads() && sole_voter() && core_.configuration().learners.empty();
    return !alone && !core_.quiescent();
  }
  // See raft::Core.
  void OnNodeLiveness(NodeId node, bool alive) {
    if (!alive && node == held_for_) ticks_held_ = 0;
    core_.OnNodeLiveness(node, alive);
  }
  // What the node's disk allows: see raft::Core.
  void SetDiskHealth(raft::DiskHealth health);
  // Whether others shall rather lead, whatever the disk is like.
  void SetUnfit(bool unfit);
  // Stored entries [first, last] are damaged or missing: this replica will not
  // lead where there are others, and hands over if it does. The core is told,
  // and asks the others for equal ones; of what is not committed once it is
  // known where the log would end without it.
  void OnEntriesDamaged(LogIndex first, LogIndex last);
  // Which entries of the Progress::repair_check with this id are proven. A
  // check that does not run any more is ignored.
  void OnRepairsChecked(uint64_t check, const std::vector<bool>& proven);
  // Whether any entry is known to be damaged and not yet repaired.
  bool repairing() const {
    return !damage_told_.empty() || !damage_untold_.empty();
  }
  // Whether this run may have put another entry in the place of `index`, by a
  // repair or by a cut: who found it damaged may have read the one before.
  bool MayBeReplaced(LogIndex index) const;
  // Whether the replica said in its last answer to this leader that it should
  // not lead.
  bool IsUnfit(ReplicaId replica) const;
  // Whether, as far as this leader knows, nothing can be committed because so
  // many voters have no room for entries.
  bool LacksRoom();
  // Somebody wants the leader: a replica that sleeps, and does not lead, asks
  // whether there still is one.
  void Rouse();
  // A message of another replica, with the content of each entry, as
  // GroupMessage has it.
  // Errors: DATA_LOSS: an entry does not fit its checksums, its message, or the
  // log: nothing of the message is taken. UNIMPLEMENTED: bases.
  absl::Status Step(raft::Message message, std::vector<Payload> contents);
  // What Progress::reads asked for, or why it cannot be had.
  void OnLogRead(uint64_t id,
                 absl::StatusOr<std::vector<storage::StoredEntry>> entries);

  // To look at.
  const raft::Core& core() const { return core_; }

  bool leads() const { return core_.role() == raft::Role::kLeader; }
  Term term() const { return core_.term(); }
  // Who leads, as far as this replica knows.
  std::optional<ReplicaId> leader() const { return core_.leader(); }
  // NOT_LEADER; when another node is known to lead, with its id (leader_node)
  // and where it serves clients (leader).
  absl::Status NotLeader() const;
  // Appends as leader: gives `header` its place and remembers the entry until
  // it is committed. Returns the header, valid until the next call.
  // Errors: OVERLOADED (too much is uncommitted), NOT_LEADER.
  absl::StatusOr<const storage::EntryHeader*> Propose(
      storage::EntryHeader header, Payload payload);
  // See raft::Core.
  absl::Status ProposeConfiguration(const raft::ConfigurationChange& change);
  absl::Status TransferLeadership(std::optional<ReplicaId> target);
  const raft::Configuration& configuration() const {
    return core_.configuration();
  }
  // Asks for a linearizable read point; its id comes back in Progress.
  uint64_t RequestRead();

  // Adds what must be written to `cycle`, for `owner`.
  Progress Collect(ShardGroup* owner, WriteCycle* cycle);
  void OnDurable(const raft::PersistToken& token);
  // Passes over what the log held at the start, once all of it is readable:
  // PopCommitted begins behind it. True if that happened now.
  bool SkipRestored();
  // The next entry that is committed, and durable here, in order; nullopt when
  // there is none.
  std::optional<storage::StoredEntry> PopCommitted();

  // A time that no entry behind committed_tail() will be below; it rises with
  // the clock. As leader, later entries are held to it from now on, also when
  // the clock is set back.
  int64_t SettleAppendTime();

  const LogTail& tail() const { return tail_; }
  const LogTail& committed_tail() const { return committed_tail_; }
  // Whether an entry of the own term is committed, and taken by PopCommitted:
  // committed_tail() is then what is committed. False when not leader.
  bool own_term_committed() const;
  // Whether committed_tail() says anything: false from a start until it is
  // known how far what the store held is committed.
  bool knows_committed() const { return !restored_.has_value(); }
  // What lies before the first entry.
  const storage::GroupBase& base() const { return base_; }
  // The pending entry at `index`, or null.
  const storage::EntryHeader* FindPending(LogIndex index) const;
  size_t pending() const { return pending_.size(); }
  // Of payloads in messages that wait for a read.
  size_t deferred_bytes() const { return deferred_bytes_; }
  // About the payload bytes of entries; see LogBytes.
  const LogBytes& bytes() const { return bytes_; }
  bool writing() const { return writes_in_flight_ > 0 || !stash_.empty(); }

 private:
  using StoredEntry = storage::StoredEntry;
  struct Received {
    raft::Message message;
    std::vector<storage::StoredEntry> entries;
  };
  struct AfterDurable {
    uint64_t sequence = 0;
    std::vector<raft::Message> messages;
  };

  GroupLog(const storage::ReplicaInfo& replica,
           storage::ReplicaPosition position, raft::RestoredState restored,
           const AppendClock* clock, GroupLogOptions options);

  // group_log.cc: what the core puts out.
  void Absorb(ShardGroup* owner, WriteCycle* cycle);
  // Before an input that what was put out so far must not meet.
  void AbsorbAside() { Absorb(nullptr, &stash_); }
  storage::GroupWrite WriteFor(raft::Persist* persist);
  void NoteRole();
  const storage::StoredEntry& EntryFor(const raft::EntryMeta& meta);
  // Places an entry that the core put at its end by itself.
  storage::StoredEntry MakeOwn(const raft::EntryMeta& meta);
  void Append(storage::StoredEntry entry);
  LogTail TailForNext() const;
  bool HasReadable() const;
  void Send(raft::Message message);
  const storage::StoredEntry* FindPendingEntry(LogIndex index) const;

  // group_log_step.cc: what other replicas say.
  absl::Status Take(Received received);
  // Keeps the message until anchor_ is read.
  void Defer(Received received);
  // The first entry of the message that the log lacks and the core may take;
  // nullopt when there is none.
  std::optional<size_t> FirstNew(const raft::Message& message) const;
  bool Holds(raft::EntryId id) const;
  // The log's end if it ended at `index`; nullopt when only the store knows.
  std::optional<LogTail> TailAt(LogIndex index) const;
  void Truncate(LogIndex from);
  OutgoingMessages& outgoing();

  // group_log_fitness.cc: who can lead, and who has room.
  bool DiskLeadsWell() const;
  bool IsFit() const { return !unfit_ && DiskLeadsWell(); }
  void TellFitness();
  void NoteAnswer(const raft::Message& message);

  // group_log_damage.cc: what is damaged, and its repair.
  void TellDamage();
  void TellCommitted(LogIndex first, LogIndex last);
  // Returns the first one that was not told.
  LogIndex TellUncommitted(LogIndex first, LogIndex last);
  // Whether it is known, then kept, where the log ends if it is cut at `from`.
  bool KnowsCut(LogIndex from);
  void OnCutRead(const absl::StatusOr<std::vector<StoredEntry>>& entries);
  bool Tell(LogIndex index);
  // In place of those that the core would ask `request.to` for.
  void AskForRepairs(const raft::Message& request);
  void TakeRepair(raft::Message message, StoredEntry entry);
  void NoteRepaired();
  void ForgetDamageFrom(LogIndex from);

  // What changed of the rows about terms.
  void AddTermRows(storage::GroupWrite* write);

  static constexpr LogIndex kHighestIndex{~uint64_t{0}};
  static constexpr size_t kDeferredMax = 64;
  static constexpr size_t kDeferredBytesMax = size_t{8} << 20;

  const GroupId group_;
  const ReplicaNumber number_;
  const ReplicaId self_;
  const AppendClock* const clock_;
  const NodeDirectory* const nodes_;
  const uint64_t request_bytes_max_;
  const uint32_t election_ticks_;
  const bool holds_notices_;
  storage::GroupBase base_;
  raft::Core core_;
  GroupLogObserver* observer_ = nullptr;
  raft::HardState written_hard_state_;
  LogTail tail_;
  LogBytes bytes_;
  LogTail committed_tail_;
  std::optional<LogTail> restored_;  // the end of (2); absent: there is none
  int64_t settled_time_us_ = 0;      // the least that the next entry gets
  RingQueue<storage::StoredEntry> pending_;
  std::vector<raft::ConfigurationAt> configurations_;  // the newest two
  bool configurations_changed_ = false;                // since the last write
  std::vector<raft::EntryId> term_starts_;             // all of the log
  size_t terms_kept_ = 0;     // of them, as the rows have them
  size_t terms_in_rows_ = 0;  // at most
  bool terms_changed_ = false;
  Term led_term_;  // 0: does not lead
  uint64_t last_read_id_ = 0;
  uint32_t writes_in_flight_ = 0;
  bool stands_first_ = false;
  uint32_t ticks_held_ = 0;  // that are to pass before the core's first one
  NodeId held_for_;          // where the replica is that stands first

  // How fit to lead.
  raft::DiskHealth disk_health_ = raft::DiskHealth::kHealthy;
  bool unfit_ = false;

  // What is damaged.
  absl::Status damage_at_start_;
  const std::shared_ptr<RepairBudget> repair_budget_;
  std::set<LogIndex> damage_told_;  // to the core
  std::vector<std::pair<LogIndex, LogIndex>> damage_untold_;
  LogIndex ask_from_ = kHighestIndex;  // downwards, round and round
  std::unique_ptr<ReceivedRepairs> repairs_;
  // Where the log ends if the core cuts it at the lowest entry that was told
  // and is not committed.
  std::map<LogIndex, LogTail> cuts_;
  uint64_t cut_read_ = 0;  // 0: none is under way
  LogIndex cut_index_;
  bool cut_wanted_ = false;   // a read may begin
  bool notices_due_ = false;  // what outgoing_ holds has waited for a tick
  // What this run has repaired lies within, and what it has cut at or above.
  std::optional<std::pair<LogIndex, LogIndex>> repaired_;
  std::optional<LogIndex> lowest_cut_;

  // Of groups with other replicas.
  std::vector<ReplicaId> unfit_voters_;
  bool may_lack_room_ = false;
  WriteCycle stash_;  // put out, and not collected
  Progress progress_;
  RingQueue<AfterDurable> after_durable_;
  std::unique_ptr<OutgoingMessages> outgoing_;
  std::vector<storage::StoredEntry>* incoming_ = nullptr;
  bool incoming_checked_ = false;
  std::vector<Received> deferred_;  // until anchor_ is read
  size_t deferred_bytes_ = 0;
  uint64_t anchor_read_ = 0;
  LogIndex anchor_index_;
  std::optional<LogTail> anchor_;  // within (2)
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_GROUP_LOG_H_
