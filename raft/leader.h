// Leader: the role that takes proposals and replicates them.
#ifndef KAPPA_RAFT_LEADER_H_
#define KAPPA_RAFT_LEADER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/context.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/peer_status.h"
#include "raft/read_queue.h"
#include "raft/replicator.h"
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
  void Tick(Context& context);
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
  // The log begins later now.
  void OnTrimmed(const Context& context) { replicator_.OnTrimmed(context); }

  // Hands what followers should get to the context; called when the output is
  // taken, so that many proposals share one request.
  void SendPending(Context& context);
  // True if SendPending() would send anything.
  bool HasPending(const Context& context) const;

  // Leadership is lost: refuses the reads that wait.
  void Resign(Context& context);

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
  void AppendEntry(Context& context, EntryMeta entry);
  void AdvanceCommit(Context& context);
  void ConfirmReads(Context& context);
  void Confirm(Context& context, const ReadQueue::WaitingRead& read);
  bool HeartbeatDue() const { return beat_due_ || reads_.needs_round(); }

  Replicator replicator_;
  UncommittedTail tail_;
  ReadQueue reads_;
  LogIndex term_start_;
  uint64_t ticks_ = 1;  // of this leadership; names beats
  uint32_t ticks_since_beat_ = 0;
  bool beat_due_ = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LEADER_H_
