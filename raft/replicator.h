// Replicator: how a leader gets its log to every other replica.
#ifndef KAPPA_RAFT_REPLICATOR_H_
#define KAPPA_RAFT_REPLICATOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/context.h"
#include "raft/message.h"
#include "raft/peer_progress.h"
#include "raft/peer_status.h"
#include "raft/uncommitted_tail.h"

namespace kappa::raft {

// What every append request carries besides entries.
struct RequestStamp {
  uint64_t read_round = 0;
  uint64_t beat = 0;
  bool quiesce = false;
};

// The peers of one leadership: what each gets next, and whether that comes from
// the log, in bulk from another replica, or as the base's state.
//
// Thread safety: thread-compatible.
class Replicator {
 public:
  // All members but self, probed first at `next` - 1.
  Replicator(const Context& context, LogIndex next);

  // Follows a change of the configuration: who is new is probed at the end of
  // the log, who is gone is forgotten.
  void FollowConfiguration(const Context& context);

  bool empty() const { return peers_.empty(); }
  // Ascending by id.
  const std::vector<PeerProgress>& peers() const { return peers_; }
  // nullptr if `id` is no peer.
  PeerProgress* Find(ReplicaId id);
  const PeerProgress* Find(ReplicaId id) const;

  // A heartbeat period passed; `now` in ticks, as the stamps' beats.
  void RecordHeartbeat(const Context& context, uint64_t now);
  // Returns true if the peer's match advanced.
  // Requires: a response of the present term, from `peer`, to what was sent.
  bool RecordResponse(const Context& context, PeerProgress& peer,
                      const Message& response);
  void OnBaseResponse(const Context& context, const Message& response);
  // The log begins later now.
  void OnTrimmed(const Context& context);

  // Hands what peers should get to the context. With `heartbeat` each gets
  // something.
  void SendPending(Context& context, const UncommittedTail& tail,
                   const RequestStamp& stamp, bool heartbeat);
  // True if SendPending() without heartbeat would send anything.
  bool HasPending(const Context& context) const;

  // What it knows of each peer, `now` in ticks.
  std::vector<PeerStatus> Status(const Context& context, uint64_t now) const;
  // Gives back memory that a burst has left.
  void ReleaseSpare();
  // Aborts when an invariant does not hold.
  void CheckInvariants(const Context& context) const;

 private:
  bool EntriesDue(const Context& context, const PeerProgress& peer) const;
  bool CommitDue(const Context& context, const PeerProgress& peer) const;
  bool ChunkDue(const Context& context, const PeerProgress& peer) const;
  Message NewRequest(const Context& context, const PeerProgress& peer,
                     const RequestStamp& stamp) const;
  void SendHeartbeat(Context& context, PeerProgress& peer,
                     const RequestStamp& stamp);
  void SendEntries(Context& context, const UncommittedTail& tail,
                   PeerProgress& peer, const RequestStamp& stamp);
  void SendChunk(Context& context, PeerProgress& peer,
                 const RequestStamp& stamp);

  void Reclassify(const Context& context, PeerProgress& peer);
  bool MayDonate(const Context& context, ReplicaId donor,
                 const PeerProgress& peer) const;
  ReplicaId FirstDonor(const Context& context, const PeerProgress& peer) const;
  ReplicaId NextDonor(const Context& context, const PeerProgress& peer,
                      ReplicaId after) const;
  bool Active(const Context& context, const PeerProgress& peer,
              uint64_t now) const;

  std::vector<PeerProgress> peers_;
  uint64_t now_ = 0;  // at the last heartbeat
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_REPLICATOR_H_
