// MetadataGroup: group 0: commands go into its log, and are applied when they
// are committed.
//
//   Execute ──> GroupLog ──> (disk) ──> committed ──> MetadataState ──> rows
//                                                          │ (no waiting)
//                                  answer <── effects <────┘
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
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/commit_queue.h"
#include "server/group_log.h"
#include "server/metadata_state.h"
#include "server/producer_registry.h"
#include "server/ring_queue.h"
#include "server/shard_group.h"
#include "server/shard_services.h"
#include "storage/log_store.h"

namespace kappa::server {

inline constexpr GroupId kMetadataGroup{0};

// Rows are written with the index up to which commands are applied. After a
// crash the commands above it are read from the log and applied again.
//
// Invariant: the state is that of the committed log up to applied().
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

  // Errors: those of the store; DATA_LOSS: rows cannot be decoded.
  static absl::StatusOr<std::unique_ptr<MetadataGroup>> Open(
      const storage::ReplicaInfo& replica, const ShardServices* services);

  // --- ShardGroup ---
  GroupId group() const override { return kMetadataGroup; }
  void Advance(WriteCycle* cycle) override;
  void OnDurable(const WriteInFlight& write) override;
  void Abandon(const absl::Status& status) override;
  bool idle() const override;
  absl::Status Step(raft::Message message,
                    std::vector<Payload> contents) override {
    return log_.Step(std::move(message), std::move(contents));
  }
  void Tick() override { log_.Tick(); }
  bool needs_ticks() const override { return log_.needs_ticks(); }
  void OnNodeLiveness(NodeId node, bool alive) override {
    log_.OnNodeLiveness(node, alive);
  }
  bool leads() const override { return log_.leads(); }
  absl::Status TransferLeadership(std::optional<ReplicaId> target) override {
    return log_.TransferLeadership(target);
  }

  bool sole_voter() const { return log_.sole_voter(); }
  // Leads at once (one voter). `ready` is called when everything in the log is
  // applied, with what went wrong otherwise.
  void Campaign(absl::AnyInvocable<void(const absl::Status&)> ready);
  // Topic changes committed from now on become real through `effects`; before,
  // they are only in the state.
  void SetEffects(Effects effects) { effects_ = std::move(effects); }

  // What a producer's name stands for, absent: it was never opened.
  using FoundProducer =
      absl::AnyInvocable<void(absl::StatusOr<std::optional<NamedProducer>>)>;

  // Errors (to `done`): OVERLOADED; DATA_DAMAGED: a producer's row.
  void Execute(storage::v1::MetadataCommand command, Done done);
  // As of the last committed command. Errors (to `done`): as Execute.
  void FindProducer(const std::string& name, FoundProducer done);
  // The state as of the last committed command. Valid during the call.
  const MetadataState& state() const { return state_; }
  // Calls `then` with OK once state() includes every command answered before.
  void AfterReadPoint(CommitQueue::Continuation then);
  // The replicas of the deleted topic are dropped.
  void ForgetPendingDrop(std::string_view topic_uuid);

 private:
  struct PendingCommand {
    LogIndex index;
    storage::v1::MetadataCommand command;
    Done done;
  };
  // Applied, and on its way to become real.
  struct RunningEffect {
    CommandOutcome outcome;
    Done done;
  };
  struct PendingRead {
    uint64_t id = 0;
    CommitQueue::Continuation then;
  };

  // Waits for its producer's row.
  struct PendingOpen {
    storage::v1::MetadataCommand command;
    Done done;
  };

  MetadataGroup(GroupLog log, MetadataState state,
                const ShardServices* services);

  // Puts a prepared command into the log.
  void Propose(storage::v1::MetadataCommand command, Done done);
  // Proposes the command once its producer's row is read.
  void ProposeAfterRead(storage::v1::MetadataCommand command, Done done);
  void ProposeOpens(const std::string& name,
                    absl::StatusOr<std::optional<NamedProducer>> row);
  // Reads on a reader's thread: a disk that hangs does not stop the shard
  // (RELIABILITY.md S12). `done` is called on the shard's.
  void ReadProducer(const std::string& name, FoundProducer done);
  void FinishRead(uint64_t id,
                  absl::StatusOr<std::optional<NamedProducer>> row);

  void TakeCommitted();
  void ConfirmReads(const std::vector<raft::ReadConfirmed>& reads);
  // Applies what the log held when it was opened, up to `last`.
  absl::Status ApplyStored(LogIndex last);
  void ApplyPending(PendingCommand pending);
  void FinishEffect(uint64_t id);
  void WriteRows(WriteCycle* cycle);

  const ShardServices* const services_;
  GroupLog log_;
  MetadataState state_;
  RingQueue<PendingCommand> commands_;  // proposed, not applied
  // By the producer's name, in their order: none of them is proposed before
  // its row is read, so no change of the row can come between.
  std::map<std::string, std::vector<PendingOpen>> opens_;
  size_t opens_waiting_ = 0;
  std::map<uint64_t, FoundProducer> producer_reads_;  // under way
  uint64_t next_read_ = 0;
  CommitQueue answers_;
  std::vector<PendingRead> pending_reads_;
  std::vector<storage::SideRow> rows_;  // to be written
  // How many changes of producers each row write has, and those before it.
  std::deque<uint64_t> row_writes_in_flight_;
  // By the order of their begin. They wait here, not with the effect: whatever
  // becomes of that, each is answered.
  std::map<uint64_t, RunningEffect> effects_running_;
  uint64_t next_effect_ = 0;
  Effects effects_;
  absl::AnyInvocable<void(const absl::Status&)> ready_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_GROUP_H_
