// Context: what all roles of one replica share.
#ifndef KAPPA_RAFT_CONTEXT_H_
#define KAPPA_RAFT_CONTEXT_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/configuration_history.h"
#include "raft/core_options.h"
#include "raft/damaged_entries.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/mutant.h"
#include "raft/output.h"
#include "raft/persist_queue.h"
#include "raft/term_table.h"

namespace kappa::raft {

// The part of a replica that outlives its role: term and vote, the log's shape
// and positions, the configuration, and the output being collected. Every
// change of what must be durable goes through it, so that it reaches the
// PersistQueue in the right order.
//
// Invariants: see Core; term and vote change only together with a write.
// Thread safety: thread-compatible.
class Context {
 public:
  // Requires: settings is not null.
  Context(const CoreIdentity& identity,
          std::shared_ptr<const CoreSettings> settings, RestoredState restored);
  Context(const CoreOptions& options, RestoredState restored)
      : Context(options, std::make_shared<const CoreSettings>(options),
                std::move(restored)) {}

  const CoreSettings& options() const { return *settings_; }
  ReplicaId self() const { return self_; }
  GroupId group() const { return group_; }
  uint64_t instance() const { return instance_; }
  bool IsSelf(ReplicaId replica) const { return replica == self_; }

  // --- configuration ---

  // The newest one in the log, whether committed or not.
  const Configuration& configuration() const {
    const Configuration* newest = KAPPA_MUTANT(kConfigurationOnCommit)
                                      ? configurations_.NewestUpTo(committed_)
                                      : configurations_.newest();
    return newest == nullptr ? base_.configuration : *newest;
  }
  // Where it is; the base's index if no entry above the base has one.
  LogIndex configuration_index() const {
    return std::max(base_.id.index, configurations_.newest_index());
  }
  const ConfigurationHistory& configurations() const { return configurations_; }

  // --- term, vote, leader ---

  Term term() const { return hard_state_.term; }
  const std::optional<ReplicaId>& vote() const { return hard_state_.vote; }
  // Requires: term > term(). Forgets the vote and the leader.
  void EnterTerm(Term term);
  // Requires: no vote for another in this term. Returns the sequence number of
  // the write that makes it durable.
  uint64_t VoteFor(ReplicaId candidate);
  // Only for the mutant kFallBackClearsVote.
  void ForgetVote() { hard_state_.vote.reset(); }
  std::optional<ReplicaId> leader() const {
    if (leader_ == ReplicaId{}) return std::nullopt;
    return leader_;
  }
  void SetLeader(std::optional<ReplicaId> leader);
  // The owner hears that role, term or leader changed.
  void NoteRoleChange() { role_changed_ = true; }

  // --- log ---

  const TermTable& log() const { return log_; }
  const LogBase& base() const { return base_; }
  LogIndex committed() const { return committed_; }
  LogIndex durable() const { return persists_.durable(); }
  const PersistQueue& persists() const { return persists_; }
  // A configuration entry takes effect at once.
  void Append(const EntryMeta& entry);
  // Brings back the configuration that was effective before `from`.
  // Requires: committed() < from <= log().last().index.
  void TruncateFrom(LogIndex from);
  // Replaces the whole log. `chunk`: the base's last state bytes, or nullptr if
  // the owner has them already.
  // Requires: base.id.index > committed(), base.id.term <= term().
  void InstallBase(const LogBase& base,
                   std::shared_ptr<const BaseChunk> chunk = nullptr);
  // Drops entries up to the base.
  // Requires: base.id is in the log, above the base; committed and durable.
  void TrimTo(const LogBase& base);
  // The base that is being received; nullptr if there is none.
  const PartialBase* staged_base() const { return staged_base_.get(); }
  // Requires: it follows what is staged, or begins another base.
  void StageChunk(std::shared_ptr<const BaseChunk> chunk);
  // Requires: index <= log().last().index. A lower index changes nothing.
  void CommitUpTo(LogIndex index);
  // Returns false for a token that is not in flight.
  bool CompletePersist(const PersistToken& token);

  // --- disk, damage ---

  // It takes term and vote, but no entries (RELIABILITY.md S10).
  bool disk_full() const { return disk_full_; }
  void SetDiskFull(bool full) { disk_full_ = full; }
  // Whether the disk is a reason not to lead; acknowledgements say so.
  void SetDiskImpaired(bool impaired) { disk_impaired_ = impaired; }

  const DamagedEntries& damaged() const;
  // How far the log counts as a copy in a majority, of what is durable up to
  // `durable`: not beyond an entry that is damaged and not known to be
  // committed. The damage of a committed one takes nothing back.
  LogIndex CountsUpTo(LogIndex durable) const;
  // Requires: index is in the log, above the base.
  void MarkDamaged(LogIndex index, const Digest& chain);
  // Puts an equal entry in place of a damaged one. Returns false if that is
  // being done already, or `entry` is not damaged.
  // Requires: equal, where one is damaged at that index.
  bool Repair(const EntryMeta& entry);

  // --- output ---

  // A message from this replica in its term; nothing is sent yet.
  Message NewMessage(MessageType type, ReplicaId to) const;
  void Send(Message message);
  // Leaves once everything written so far is durable.
  void SendAfterDurable(Message message);
  void ConfirmRead(uint64_t id, LogIndex index);
  void RefuseRead(uint64_t id);

  void EndTransfer(TransferResult result) { transfer_ended_ = result; }

  bool HasOutput() const;
  Output TakeOutput();

  // Numbers batches of forwarded reads; never the same twice in this process.
  uint64_t NextReadBatch() { return ++newest_read_batch_; }
  // A number of ticks in [election_ticks, 2 * election_ticks).
  uint32_t DrawElectionTicks();
  // Gives back memory that a burst has left; cheap.
  void ReleaseSpare() {
    persists_.ReleaseSpare();
    if (damaged_ != nullptr && damaged_->empty()) damaged_.reset();
  }
  // Aborts when an invariant does not hold.
  void CheckInvariants() const;

 private:
  // What waits to be taken, besides writes and commits.
  struct Pending {
    std::vector<Message> messages;
    std::vector<ReadConfirmed> reads_confirmed;
    std::vector<uint64_t> reads_refused;
  };

  Pending& pending();
  void SealPersist() { persists_.Seal(hard_state_, log_.last().index); }

  std::shared_ptr<const CoreSettings> settings_;
  ReplicaId self_;
  GroupId group_;
  uint64_t instance_;
  HardState hard_state_;
  ReplicaId leader_;  // ReplicaId{}: none is known
  LogBase base_;
  TermTable log_;
  ConfigurationHistory configurations_;
  LogIndex committed_;
  LogIndex committed_told_;  // what the owner knows
  PersistQueue persists_;
  std::unique_ptr<DamagedEntries> damaged_;  // nullptr: none
  std::unique_ptr<PartialBase> staged_base_;
  uint64_t random_state_;
  uint64_t newest_read_batch_ = 0;

  std::unique_ptr<Pending> pending_;
  std::optional<TransferResult> transfer_ended_;
  bool disk_full_ = false;
  bool disk_impaired_ = false;
  bool role_changed_ = false;
  bool configuration_changed_ = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CONTEXT_H_
