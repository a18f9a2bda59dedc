// PeerProgress: what a leader knows about one other replica's log.
#ifndef KAPPA_RAFT_PEER_PROGRESS_H_
#define KAPPA_RAFT_PEER_PROGRESS_H_

#include <cstdint>

#include "proto/wire/types.h"

namespace kappa::raft {

// One peer's log in the leader's current term.
//
//   probe:     looks for the last common entry; one request at a time.
//   replicate: it is found; entries stream ahead of their acknowledgements.
//
//   1 ......... match() ............ next() .......
//     durable there    in flight        not sent
//
// Invariant: match() < next().
// Thread safety: thread-compatible.
class PeerProgress {
 public:
  // Probes first at `next` - 1. Requires: next > 0.
  PeerProgress(ReplicaId id, LogIndex next) : id_(id), next_(next) {}

  ReplicaId id() const { return id_; }
  LogIndex match() const { return match_; }
  LogIndex next() const { return next_; }
  bool probing() const { return probing_; }
  uint64_t in_flight_entries() const { return next_ - match_ - 1; }
  // Whether a request with entries may be sent to it.
  bool MaySend(uint64_t in_flight_entries_max) const {
    return probing_ ? !awaiting_ : in_flight_entries() < in_flight_entries_max;
  }

  // A request was sent that ends with the entry at `last`.
  // Requires: it began at next().
  void RecordSent(LogIndex last);
  // The peer holds every entry up to and including `index`, durably. Returns
  // true if match() advanced, false for an old or repeated acknowledgement.
  bool RecordAck(LogIndex index);
  // The peer does not hold the entry at `rejected`; it may agree up to
  // `probe_point`. Returns false for a stale answer, which changes nothing
  // (RAFT.md 26). next() falls, or a rejection would repeat (RAFT.md 19).
  bool RecordRejection(LogIndex rejected, LogIndex probe_point);
  // A heartbeat period passed. What was sent without any acknowledgement for
  // kSilentHeartbeatsMax of them counts as lost and is sent again.
  void RecordHeartbeat();

  // The newest read round in which it acknowledged the leader.
  uint64_t acknowledged_round() const { return acknowledged_round_; }
  void RecordRound(uint64_t round);
  // The highest commit index that a request told it.
  LogIndex told_committed() const { return told_committed_; }
  void RecordTold(LogIndex committed);

  void CheckInvariants(LogIndex last) const;

 private:
  static constexpr uint32_t kSilentHeartbeatsMax = 3;

  void Probe(LogIndex next);

  ReplicaId id_;
  LogIndex match_;
  LogIndex next_;
  LogIndex told_committed_;
  uint64_t acknowledged_round_ = 0;
  uint32_t silent_heartbeats_ = 0;
  bool probing_ = true;
  bool awaiting_ = false;  // probe: a request is on its way
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PEER_PROGRESS_H_
