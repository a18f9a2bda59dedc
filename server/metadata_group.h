// MetadataGroup: a replica of group 0: commands go into its log where it leads,
// and are applied on every replica when they are committed.
//
//   Execute ──> GroupLog ──> (disks) ──> committed ──> MetadataState ──> rows
//    (leader)                                               │ (no waiting)
//                                   answer <── effects <────┘
#ifndef KAPPA_SERVER_METADATA_GROUP_H_
#define KAPPA_SERVER_METADATA_GROUP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/commit_queue.h"
#include "server/group_log.h"
#include "server/metadata_piece.h"
#include "server/metadata_state.h"
#include "server/producer_registry.h"
#include "server/ring_queue.h"
#include "server/shard_group.h"
#include "server/shard_services.h"
#include "server/transfer_waiters.h"
#include "storage/log_store.h"

namespace kappa::server {

inline constexpr GroupId kMetadataGroup{0};

// Rows are written with the index up to which commands are applied. After a
// start the commands above it are read from the log and applied, once they are
// known to be committed.
//
// A command that opens a producer needs the producer's row. Where it is
// proposed, the row is read and held before. Elsewhere it is read when the
// command's turn comes, and what is behind it waits: in memory up to a limit,
// beyond that it is read from the log again.
//
// Invariants: the state is that of the committed log up to applied(). What is
// proposed here is prepared, and nobody else's command is applied between that
// and the command itself.
// Thread safety: thread-compatible; its shard's thread calls everything.
class MetadataGroup final : public ShardGroup {
 public:
  // Gets what the command led to once it is applied, or the status that kept it
  // from being proposed, or OUTCOME_UNKNOWN.
  using Done = absl::AnyInvocable<void(absl::StatusOr<CommandOutcome>)>;
  // Makes a topic's change (if it is one) real on this node, in the order of
  // the calls, then calls `then`.
  using Effects =
      absl::AnyInvocable<void(const TopicChange& change, bool deleted,
                              absl::AnyInvocable<void()> then)>;

  // `formation` forms the cluster if this replica leads before one is formed;
  // empty: somebody else does.
  // Errors: those of the store; DATA_LOSS: rows cannot be decoded.
  static absl::StatusOr<std::unique_ptr<MetadataGroup>> Open(
      const storage::ReplicaInfo& replica, const ShardServices* services,
      storage::v1::FormClusterCommand formation = {});

  // --- ShardGroup ---
  GroupId group() const override { return kMetadataGroup; }
  void Advance(WriteCycle* cycle) override;
  void OnDurable(const WriteInFlight& write) override;
  void Abandon(const absl::Status& status) override;
  bool idle() const override;
  const raft::Core& core() const override { return log_.core(); }
  const LogBytes& bytes() const override { return log_.bytes(); }
  absl::Status Step(raft::Message message,
                    std::vector<Payload> contents) override {
    return log_.Step(std::move(message), std::move(contents));
  }
  void Tick() override { log_.Tick(); }
  // It also begins to accept, and reads again what was refused.
  bool has_output() const override { return true; }
  bool needs_ticks() const override {
    return log_.needs_ticks() || refused_read_;
  }
  void OnNodeLiveness(NodeId node, bool alive) override {
    log_.OnNodeLiveness(node, alive);
  }
  bool leads() const override { return log_.leads(); }
  absl::Status TransferLeadership(std::optional<ReplicaId> target) override {
    return log_.TransferLeadership(target);
  }
  // See TransferWaiters::Begin.
  void HandOver(std::optional<NodeId> node, TransferWaiters::Done done) {
    transfers_.Begin(node, &log_, std::move(done));
  }
  void SetDiskHealth(raft::DiskHealth health) override {
    log_.SetDiskHealth(health);
  }
  // It goes on, and leads only if nobody else can.
  void StopDamaged(absl::Status status) override;
  void OnEntriesDamaged(LogIndex first, LogIndex last) override {
    log_.OnEntriesDamaged(first, last);
  }
  bool MayBeReplaced(LogIndex index) const override {
    return log_.MayBeReplaced(index);
  }

  // Whether commands can be proposed: it leads, and has applied what was in the
  // log before.
  bool accepting() const {
    return log_.leads() && accepting_in_ == log_.term();
  }
  // Whether the group has no other replicas: it need not wait for anybody.
  bool sole_voter() const {
    return log_.sole_voter() && log_.configuration().learners.empty();
  }
  std::optional<ReplicaId> leader() const { return log_.leader(); }
  absl::Status NotLeader() const { return log_.NotLeader(); }
  absl::Status ChangeConfiguration(const raft::ConfigurationChange& change) {
    return log_.ProposeConfiguration(change);
  }
  const raft::Configuration& configuration() const {
    return log_.configuration();
  }
  const GroupLog& log() const { return log_; }
  ReplicaNumber number() const override { return log_.number(); }

  // A sole voter leads at once, and `ready` is called when everything in the
  // log is applied, with what went wrong otherwise. With other replicas `ready`
  // is called at once: the rows hold what was applied before, and nothing more
  // is applied until SetEffects.
  void Campaign(absl::AnyInvocable<void(const absl::Status&)> ready);
  // Topic changes applied from now on become real through `effects`; before,
  // they are only in the state.
  void SetEffects(Effects effects);

  // Called with the nodes of the cluster now, and whenever they have changed
  // here.
  using NodesChanged = absl::AnyInvocable<void(const std::vector<NodeInfo>&)>;
  void SetNodesChanged(NodesChanged nodes_changed);

  // What a producer's name stands for, absent: it was never opened.
  using FoundProducer =
      absl::AnyInvocable<void(absl::StatusOr<std::optional<NamedProducer>>)>;

  // Errors (to `done`): NOT_LEADER, OVERLOADED; DATA_DAMAGED: a producer's row,
  // or a command of the log; OUTCOME_UNKNOWN: another replica decides.
  void Execute(storage::v1::MetadataCommand command, Done done);
  // As of the last command applied here. Errors (to `done`): OVERLOADED,
  // DATA_DAMAGED.
  void FindProducer(const std::string& name, FoundProducer done);
  // The state as of the last command applied here. Valid during the call.
  const MetadataState& state() const { return state_; }
  // Calls `then` with OK once state() includes every command answered before,
  // on whatever replica. Errors (to `then`): NOT_LEADER: no leader confirms it;
  // OVERLOADED, DATA_DAMAGED.
  void AfterReadPoint(CommitQueue::Continuation then);
  // The replicas of the deleted topic are dropped.
  void ForgetPendingDrop(std::string_view topic_uuid);

 private:
  // Proposed here, and prepared.
  struct PendingCommand {
    raft::EntryId id;
    storage::v1::MetadataCommand command;
    Done done;
  };
  // Applied, and on its way to become real.
  struct RunningEffect {
    CommandOutcome outcome;
    Done done;  // absent: it was proposed elsewhere
  };
  struct PendingRead {
    uint64_t id = 0;
    CommitQueue::Continuation then;
  };
  struct WaitingCommand {
    storage::v1::MetadataCommand command;
    Done done;
  };
  // Opens of one name, waiting for its row.
  struct WaitingOpens {
    uint64_t read = 0;
    std::vector<WaitingCommand> commands;
  };

  MetadataGroup(GroupLog log, MetadataState state,
                const ShardServices* services,
                storage::v1::FormClusterCommand formation);

  // metadata_group.cc: what is asked here.

  void BeginAccepting();
  // Answers from the state, once it is known to be the newest, if the command
  // changes nothing; else accepts it.
  void AnswerUnchanged(storage::v1::MetadataCommand command, Done done);
  std::optional<CommandOutcome> OutcomeWithoutChange(
      const storage::v1::MetadataCommand& command) const;
  void Accept(storage::v1::MetadataCommand command, Done done);
  // Puts a prepared command into the log.
  void Propose(storage::v1::MetadataCommand command, Done done);
  // Proposes the command once its producer's row is read.
  void ProposeAfterRead(storage::v1::MetadataCommand command, Done done);
  void ProposeOpens(const std::string& name,
                    absl::StatusOr<std::optional<NamedProducer>> row);
  // Reads on a reader's thread: a disk that hangs does not stop the shard
  // (RELIABILITY.md S12). `done` is called on the shard's, unless the read is
  // forgotten; when there is no room for it, at once. Returns its id, if so.
  std::optional<uint64_t> ReadProducer(const std::string& name,
                                       FoundProducer done);
  void FinishRead(uint64_t id,
                  absl::StatusOr<std::optional<NamedProducer>> row);
  void TakeRepairs(GroupLog::Progress* progress);
  void AnswerReads(const GroupLog::Progress& progress);
  // Reads entries that other replicas lack.
  void ReadLog(const LogRead& read);
  // Answers what others decide about now.
  void FailOpen();
  // What was accepted and is not in the log.
  void FailWaiting(const absl::Status& status);
  void WriteRows(WriteCycle* cycle);
  // Has Advance called again for what is put into the log within it.
  void AdvanceAgain();

  // metadata_group_apply.cc: from the log to the state.

  void TakeCommitted();
  // Whether the next command may be applied now.
  bool MayApply() const;
  // Applies what is held, and reads what is not.
  void ApplyCommitted();
  // Applies the first entry that is held; false if it waits for a row.
  bool ApplyHeld();
  void ReadRowAndApply(storage::v1::MetadataCommand command);
  void DropHeldFront();
  void ReadPiece();
  void AwaitRepair(const absl::Status& damage);
  void FinishPiece(absl::StatusOr<MetadataPiece> piece);
  // Applies the command at the front of commands_ if it is that entry.
  bool ApplyOwn(raft::EntryId id);
  // Requires: the command is prepared.
  void ApplyPrepared(LogIndex index,
                     const storage::v1::MetadataCommand& command, Done done);
  void FinishEffect(uint64_t id);
  // The log cannot be applied any further.
  void Stop(const absl::Status& status);

  const ShardServices* const services_;
  const storage::v1::FormClusterCommand formation_;
  GroupLog log_;
  MetadataState state_;
  absl::Status stopped_;  // why nothing is applied any more
  Term accepting_in_;     // the last term in which commands were accepted
  bool advancing_ = false;
  bool advance_again_ = false;

  std::deque<WaitingCommand> early_;  // until accepting()
  // By the producer's name, in their order: none of them is proposed before
  // its row is read, so no change of the row can come between.
  std::map<std::string, WaitingOpens> opens_;
  size_t opens_waiting_ = 0;
  RingQueue<PendingCommand> commands_;                // proposed, not applied
  std::map<uint64_t, FoundProducer> producer_reads_;  // under way
  uint64_t next_read_ = 0;
  CommitQueue answers_;
  std::vector<PendingRead> pending_reads_;
  TransferWaiters transfers_;

  // Committed and not applied: those that follow applied(), as far as they are
  // kept in memory.
  RingQueue<storage::StoredEntry> held_;
  size_t held_bytes_ = 0;
  bool reading_ = false;  // a row or a piece, to apply it
  // There was no room for the last one, or it met damage.
  bool refused_read_ = false;
  std::optional<LogIndex> told_damage_;  // the last that a piece met
  bool awaits_effects_;

  std::vector<storage::SideRow> rows_;  // to be written
  // How many changes of producers each row write has, and those before it.
  std::deque<uint64_t> row_writes_in_flight_;
  // By the order of their begin. They wait here, not with the effect: whatever
  // becomes of that, each is answered.
  std::map<uint64_t, RunningEffect> effects_running_;
  uint64_t next_effect_ = 0;
  Effects effects_;
  NodesChanged nodes_changed_;
  absl::AnyInvocable<void(const absl::Status&)> ready_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_GROUP_H_
