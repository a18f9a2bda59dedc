// Partition: one replica of a partition's group: decides about appends, keeps
// them until they are committed, and answers reads.
//
//   Append ── leader? producer, offset ──> GroupLog ──> (disks) ──┐
//                  │ refused                                      │ committed
//                  └──> CommitQueue <─────────────────────────────┘
#ifndef KAPPA_SERVER_PARTITION_H_
#define KAPPA_SERVER_PARTITION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "server/commit_queue.h"
#include "server/group_log.h"
#include "server/node.h"
#include "server/partition_reads.h"
#include "server/shard_group.h"
#include "server/shard_services.h"
#include "server/tail_waiters.h"
#include "server/transfer_waiters.h"
#include "storage/log_store.h"
#include "storage/producer_table.h"

namespace kappa::server {

// Invariants: no answer leaves before what it rests on is committed; everything
// that a reader gets is committed.
// Thread safety: thread-compatible; its shard's thread calls everything.
class Partition final : public ShardGroup, private GroupLogObserver {
 public:
  // Recovers the replica from the store; damage that is in the way, and is not
  // needed, is reported. `services` must outlive it.
  // Errors: DATA_DAMAGED, INTERNAL.
  static absl::StatusOr<std::unique_ptr<Partition>> Open(
      const storage::ReplicaInfo& replica, const ShardServices* services);
  ~Partition() override;

  // --- ShardGroup ---
  GroupId group() const override { return log_.group(); }
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
  bool has_output() const override { return log_.has_output(); }
  bool needs_ticks() const override { return log_.needs_ticks(); }
  void OnNodeLiveness(NodeId node, bool alive) override {
    log_.OnNodeLiveness(node, alive);
  }
  bool leads() const override { return log_.leads(); }
  absl::Status TransferLeadership(std::optional<ReplicaId> target) override {
    return log_.TransferLeadership(target);
  }
  void SetDiskHealth(raft::DiskHealth health) override {
    log_.SetDiskHealth(health);
  }
  // Stops accepting appends.
  void StopDamaged(absl::Status status) override;
  void OnEntriesDamaged(LogIndex first, LogIndex last) override {
    log_.OnEntriesDamaged(first, last);
  }
  bool MayBeReplaced(LogIndex index) const override {
    return log_.MayBeReplaced(index);
  }

  // Leads at once if it is the only voter (committed entries are known after
  // the write); else it waits for its time.
  void Campaign();
  // See GroupLog.
  void PreferFirstLeader(ReplicaId leader) { log_.PreferFirstLeader(leader); }
  // Whether it can answer linearizable requests.
  bool ready() const { return log_.own_term_committed(); }
  int64_t last_append_time_us() const {
    return log_.tail().last_append_time_us;
  }
  ReplicaNumber number() const override { return log_.number(); }

  // --- other replicas; Advance is called afterwards ---

  // See GroupLog.
  absl::Status ChangeConfiguration(const raft::ConfigurationChange& change) {
    return log_.ProposeConfiguration(change);
  }
  // See TransferWaiters::Begin.
  void HandOver(std::optional<NodeId> node, Node::Callback<GroupLeader> done) {
    transfers_.Begin(node, &log_, std::move(done));
  }
  bool quiescent() const { return log_.quiescent(); }
  const GroupLog& log() const { return log_; }

  // --- requests, see Node ---
  void Append(AppendCommand command, PendingAppend append);
  void GetEnd(v1::Consistency consistency, Node::Callback<PartitionEnd> done);
  void FindTime(int64_t time_us, Node::Callback<Offset> done);
  void Read(ReadCommand command, Node::Callback<ReadChunk> done);
  void WaitForEnd(uint64_t token, Offset offset, Node::Callback<Offset> done);
  void CancelWait(uint64_t token);

  // Commits a fence for the producer's epoch, then tells where it stands.
  // `partition` is the number to name in the answer.
  void Fence(const Uuid& producer, uint64_t epoch, uint32_t partition,
             Node::Callback<v1::ProducerPosition> done);
  // Where a named producer stands, linearizable.
  void LookUpProducer(const Uuid& producer, uint32_t partition,
                      Node::Callback<v1::ProducerPosition> done);

  // Accepts nothing any more and answers new requests with `status`; what was
  // accepted goes on.
  void Close(absl::Status status);
  // Stops accepting appends for as long as this is not OK: why an entry is
  // known to be damaged.
  void SetKnownDamage(absl::Status status);
  // What StopDamaged was told of is not known to be committed: it is kept
  // (KeepDamage) once it is, if it is still damaged.
  void KeepDamageOnceCommitted(absl::Status status) {
    unkept_damage_ = std::move(status);
  }
  // Entries were repaired, or cut off: goes on if nothing is damaged any more.
  void FollowRepairs();

 private:
  Partition(GroupLog log, const ShardServices* services);

  // --- GroupLogObserver ---
  void OnAppended(const storage::EntryHeader& header) override;
  void OnTruncated(LogIndex from, uint64_t entries, uint64_t pending) override;

  // OK when a request can be taken.
  absl::Status CheckOpen() const { return closed_; }
  // Why appends are refused: OK when nothing is damaged.
  const absl::Status& damage() const {
    return damaged_.ok() ? known_damage_ : damaged_;
  }
  ReadScope Scope() const;

  // The steps of Append. The first two return true when they dealt with it.
  bool AnswerKnownProducer(const AppendCommand& command, PendingAppend& append);
  bool RefuseUnexpectedOffset(const AppendCommand& command,
                              PendingAppend& append);
  void ProposeBatch(AppendCommand command, PendingAppend append);

  void AnswerDuplicate(const AppendCommand& command, LogIndex index,
                       PendingAppend append);
  // With the result of a committed entry, read from window or store.
  void AnswerStoredDuplicate(LogIndex index, const Digest& sha256,
                             PendingAppend append);
  void Refuse(PendingAppend append, absl::Status refusal);
  // Refuses once everything in the log is committed and this is confirmed to
  // be the leader's log: the refusal rests on something that is not there.
  void RefuseAfterTail(PendingAppend append, absl::Status refusal);
  // Calls `then` with OK once a read that includes every append acknowledged
  // before is possible, and everything up to `rests_on` is committed.
  void AfterReadPoint(LogIndex rests_on, CommitQueue::Continuation then);

  void TakeCommitted();
  // Answers what rests on entries that are gone, or that others decide about.
  void FailOpen(const GroupLog::Progress& progress);
  void AnswerReads(const GroupLog::Progress& progress);
  std::optional<CommitQueue::Continuation> TakePendingRead(uint64_t id,
                                                           LogIndex* rests_on);
  // Reads entries that other replicas lack.
  void ReadLog(const LogRead& read);
  void CheckRepairs(RepairCheck check);
  void Stop(absl::Status status, bool of_entry);
  void KeepDamageIfCommitted();
  // The fold of producers met damage, of an entry or of its own rows.
  void StopFolding(const absl::Status& error);
  // Tells of a change of what damage() says.
  void FollowDamage(bool was_stopped);
  void TakeProducerCheckpoint(WriteCycle* cycle);
  absl::StatusOr<v1::ProducerPosition> PositionOf(const Uuid& producer,
                                                  uint32_t partition);
  void AnswerEnd(Node::Callback<PartitionEnd> done);

  struct PendingRead {
    uint64_t id = 0;
    LogIndex rests_on;
    CommitQueue::Continuation then;
  };

  const ShardServices* const services_;
  GroupLog log_;
  storage::ProducerTable producers_;
  PartitionReads reads_;
  CommitQueue answers_;
  TailWaiters tail_waiters_;
  TransferWaiters transfers_;
  std::vector<PendingRead> pending_reads_;
  // Of the newest batch; absent until it is known.
  std::optional<int64_t> newest_batch_time_us_;
  absl::Status closed_;   // why requests are refused
  absl::Status damaged_;  // why appends are refused, found by this run
  bool damage_is_of_entries_ = false;  // damaged_: ends with their repair
  absl::Status known_damage_;
  absl::Status unkept_damage_;  // OK: nothing is to be kept
  uint32_t row_writes_in_flight_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PARTITION_H_
