// Leader: the role that takes proposals and replicates them.
#ifndef KAPPA_RAFT_LEADER_H_
#define KAPPA_RAFT_LEADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/configuration_change.h"
#include "raft/context.h"
#include "raft/entry.h"
#include "raft/leadership_transfer.h"
#include "raft/message.h"
#include "raft/node_liveness.h"
#include "raft/peer_status.h"
#include "raft/promotion_rounds.h"
#include "raft/quiesce_watch.h"
#include "raft/quorum_contact.h"
#include "raft/read_queue.h"
#include "raft/replicator.h"
#include "raft/succession.h"
#include "raft/uncommitted_tail.h"

namespace kappa::raft {

// Leadership in one term. The leader's own disk works in parallel with sending:
// it counts towards a majority only for what is durable.
//
// Thread safety: thread-compatible.
class Leader {
 public:
  // Appends the no-op of the present term.
  explicit Leader(Context& context);

  // Requires: kind is kRecords or kProducerFence. Errors: as Core::Propose.
  absl::StatusOr<EntryId> Propose(Context& context, EntryKind kind,
                                  uint32_t record_count, uint64_t payload_bytes,
                                  EntryHandle handle);
  // Errors: as Core::ProposeConfiguration.
  absl::StatusOr<EntryId> ProposeConfiguration(
      Context& context, const ConfigurationChange& change);
  // Errors: as Core::TransferLeadership.
  absl::Status Transfer(Context& context, const NodeLiveness& nodes,
                        std::optional<ReplicaId> target);
  // Makes self the only member, whatever is committed yet.
  void RecoverAlone(Context& context);
  // `impairment`: of the own disk; a hung one moves leadership whether it
  // `may_hand_over` or not. Returns true if it must step down: no majority
  // answers, or the disk is too slow and nobody takes over.
  bool Tick(Context& context, const NodeLiveness& nodes, Impairment impairment,
            bool may_hand_over);
  // Requires: a response of the present term.
  void OnAppendResponse(Context& context, const Message& response);
  void OnBaseResponse(const Context& context, const Message& response) {
    replicator_.OnBaseResponse(context, response);
  }
  // A write has become durable.
  void OnDurable(Context& context);
  void OnReadRequested(Context& context, uint64_t id);
  // A follower's read; answered like an own one.
  void OnReadRequest(Context& context, const Message& request);
  // A member that hears no leader asks for one: it gets a beat at once.
  void OnLeaderQuery(const Message& query) {
    beat_due_ |= replicator_.Find(query.from) != nullptr;
  }
  // The log begins later now.
  void OnTrimmed(const Context& context) { replicator_.OnTrimmed(context); }

  // Hands what followers should get to the context; called when the output is
  // taken, so that many proposals share one request. Returns true if it must
  // step down: it left the group and has told a successor.
  bool SendPending(Context& context, const NodeLiveness& nodes);
  // True if SendPending() would send anything.
  bool HasPending(const Context& context) const;

  // Leadership is lost: refuses the reads that wait.
  void Resign(Context& context);

  // --- sleep ---

  // A tick passed. Returns true if every peer on a living node has everything,
  // knows that it is committed, and was asked to sleep.
  bool TickSleep(const Context& context, const NodeLiveness& nodes);
  // Does nothing until it is woken; gives up its lease.
  void Sleep();
  // Beats at once.
  void Wake();

  bool transferring() const { return transfer_ != nullptr; }
  // Whether reads are answered without a round at the moment.
  bool HoldsLease(const Context& context) const;

  LogIndex term_start() const { return term_start_; }
  uint64_t uncommitted_bytes() const { return tail_.payload_bytes(); }
  // Whether `replica` has that entry durably, as far as the leader knows.
  bool HeldBy(ReplicaId replica, LogIndex index) const;
  std::vector<PeerStatus> Peers(const Context& context) const {
    return replicator_.Status(context, ticks_);
  }

  // Aborts when an invariant does not hold.
  void CheckInvariants(const Context& context) const;

 private:
  // What few leaders need.
  struct PeerWatches {
    PriorityWatch priorities;
    PromotionRounds promotions;
  };

  PeerWatches& watches();
  void AppendEntry(Context& context, EntryMeta entry);
  void AppendConfiguration(Context& context, Configuration configuration);
  void AdvanceCommit(Context& context);
  // Changes the configuration where that is due by itself.
  void FollowCommit(Context& context);
  std::optional<Configuration> Promotion(const Context& context);

  // leader_transfer.cc
  uint64_t QuorumBeat(const Context& context) const;
  std::vector<Successor> Successors(const Context& context,
                                    const NodeLiveness& nodes) const;
  void BeginTransfer(Context& context, ReplicaId target, bool by_impairment);
  bool TickTransfer(Context& context, const NodeLiveness& nodes,
                    Impairment impairment);
  bool TickHandOver(Context& context, const NodeLiveness& nodes,
                    Impairment impairment, bool may_hand_over);
  bool CallDue(const Context& context) const;
  void Call(Context& context, ReplicaId successor);
  bool Leave(Context& context, const NodeLiveness& nodes);
  bool Idle(const Context& context, const NodeLiveness& nodes) const;
  bool AsksToSleep(const Context& context) const;

  void ConfirmReads(Context& context);
  void Confirm(Context& context, const ReadQueue::WaitingRead& read);
  bool HeartbeatDue() const { return beat_due_ || reads_.needs_round(); }

  Replicator replicator_;
  UncommittedTail tail_;
  ReadQueue reads_;
  LogIndex term_start_;
  // Of this leadership; names beats.
  uint64_t ticks_ = 1;
  QuorumContact contact_;
  std::unique_ptr<LeadershipTransfer> transfer_;  // while it is under way
  std::unique_ptr<PeerWatches> watches_;  // from the first use to a sleep
  QuiesceWatch quiesce_;
  uint32_t ticks_since_beat_ = 0;
  bool beat_due_ = false;
  bool leaving_ = false;  // committed: self has no vote any more
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LEADER_H_
