// PeerProgress: what a leader knows about one other replica's log.
#ifndef KAPPA_RAFT_PEER_PROGRESS_H_
#define KAPPA_RAFT_PEER_PROGRESS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "proto/wire/types.h"
#include "raft/base_sender.h"
#include "raft/core_options.h"
#include "raft/in_flight_window.h"
#include "raft/peer_status.h"

namespace kappa::raft {

// One peer's log in the leader's current term.
//
//             found              far behind
//   kProbe  ---------> kReplicate ----------> kCatchUp
//      ^                |   ^ ^                  |
//      +----------------+   | +------------------+
//    lost or refused        |       near again
//                           | installed
//        next is gone       |
//   any ----------------> kBase
//
//   1 ......... match() ............ next() .......
//     durable there    in flight        not sent
//
// Invariant: match() < next(); entries are in flight only in kReplicate.
// Thread safety: thread-compatible.
class PeerProgress {
 public:
  // Probes first at `next` - 1. Requires: next > 0.
  PeerProgress(ReplicaId id, LogIndex next) : id_(id), next_(next) {}

  ReplicaId id() const { return id_; }
  PeerState state() const { return state_; }
  LogIndex match() const { return match_; }
  LogIndex next() const { return next_; }
  bool probing() const { return state_ == PeerState::kProbe; }
  uint64_t in_flight_bytes() const { return window_.bytes(); }
  // Its disk is full, by its last answer to entries.
  bool full() const { return full_; }
  // Whether a request with entries may be sent to it.
  bool MaySend(const CoreSettings& options) const;

  // A request with `entries` entries up to `last` was sent.
  // Requires: it began at next(), MaySend().
  void RecordSent(LogIndex last, uint64_t entries, uint64_t payload_bytes);
  // The peer holds every entry up to and including `index`, durably. Returns
  // true if match() advanced, false for an old or repeated acknowledgement.
  bool RecordAck(LogIndex index);
  // The peer's log agrees up to `index`, but damage keeps it from counting
  // above match() (Context::CountsUpTo): a probe has found what it looked for.
  void RecordUncounted(LogIndex index);
  // The peer does not hold the entry at `rejected`; it may agree up to
  // `probe_point`. Returns false for a stale answer, which changes nothing
  // (RAFT.md 26). next() falls, or a rejection would repeat (RAFT.md 19).
  bool RecordRejection(LogIndex rejected, LogIndex probe_point);
  // The peer holds the entry at `held` and has no space for what follows
  // (RELIABILITY.md S10): one request in a heartbeat period asks again.
  void RecordFull(LogIndex held);
  // A heartbeat period passed. What was sent without any acknowledgement for
  // kSilentHeartbeatsMax of them counts as lost and is sent again.
  void RecordHeartbeat();

  // It fetches in bulk from `donor`; also names another donor. Nothing is in
  // flight from here.
  void CatchUpFrom(ReplicaId donor);
  // kCatchUp: who gives it entries.
  std::optional<ReplicaId> donor() const;
  // Heartbeat periods since it last made progress.
  uint32_t silent_heartbeats() const { return silent_heartbeats_; }
  // It receives this base's state from the start.
  void SendBase(std::shared_ptr<const LogBase> base);
  // kBase: the transfer; nullptr in other states.
  BaseSender* base_sender() { return base_sender_.get(); }
  const BaseSender* base_sender() const { return base_sender_.get(); }
  // Entries stream to it from match() on.
  void Replicate();

  // The newest read round in which it acknowledged the leader.
  uint64_t acknowledged_round() const { return acknowledged_round_; }
  void RecordRound(uint64_t round);
  // The newest beat (RequestStamp) that it answered; 0 at first.
  uint64_t acknowledged_beat() const { return acknowledged_beat_; }
  void RecordBeat(uint64_t beat);
  // Its election priority, by its last answer; 0 at first.
  uint8_t priority() const { return priority_; }
  void RecordPriority(uint8_t priority) { priority_ = priority; }
  // Whether it could lead, by its last answer; true at first.
  bool fit() const { return fit_; }
  void RecordFitness(bool fit) { fit_ = fit; }
  // The highest commit index that a request told it.
  LogIndex told_committed() const { return told_committed_; }
  void RecordTold(LogIndex committed);

  // Gives back memory that a burst has left.
  void ReleaseSpare() { window_.ReleaseSpare(); }
  void CheckInvariants(LogIndex last) const;

 private:
  static constexpr uint32_t kSilentHeartbeatsMax = 3;

  void Enter(PeerState state, LogIndex next);

  ReplicaId id_;
  PeerState state_ = PeerState::kProbe;
  bool awaiting_ : 1 = false;  // kProbe: a request is on its way
  bool full_ : 1 = false;
  bool fit_ : 1 = true;
  uint8_t priority_ = 0;
  uint32_t silent_heartbeats_ = 0;
  LogIndex match_;
  LogIndex next_;
  LogIndex told_committed_;
  uint64_t acknowledged_round_ = 0;
  uint64_t acknowledged_beat_ = 0;
  InFlightWindow window_;
  std::unique_ptr<ReplicaId> donor_;         // kCatchUp
  std::unique_ptr<BaseSender> base_sender_;  // kBase
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PEER_PROGRESS_H_
