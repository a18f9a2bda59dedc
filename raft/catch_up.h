// CatchUp: a follower that fetches what it lacks in bulk.
#ifndef KAPPA_RAFT_CATCH_UP_H_
#define KAPPA_RAFT_CATCH_UP_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/context.h"
#include "raft/entry.h"
#include "raft/in_flight_window.h"
#include "raft/message.h"

namespace kappa::raft {

// The leader's heartbeats name a donor and the last entry that it knows this
// replica to hold; from there entries are fetched, one request at a time, as
// fast as the disk takes them. What a donor sends is committed, so it may
// replace an uncommitted suffix and is committed here as well; the leader hears
// of it by acknowledgements as if it had sent the entries itself.
//
// Nothing is lost when it is interrupted: the next leader's probe, or the next
// heartbeat, finds what is durable already.
//
// Thread safety: thread-compatible.
class CatchUp {
 public:
  // Begins after `verified`, which this log and the leader's share.
  CatchUp(ReplicaId donor, EntryId verified)
      : donor_(donor), position_(verified) {}

  ReplicaId donor() const { return donor_; }
  // Everything up to here is shared with the leader.
  EntryId position() const { return position_; }

  // A heartbeat names `donor` and `verified`. Asks for more, unless an answer
  // is on its way.
  void OnHeartbeat(Context& context, ReplicaId donor, EntryId verified);
  // Requires: a response of the present term. One that was not asked for, or
  // that the log contradicts, changes nothing.
  void OnFetchResponse(Context& context, const Message& response);
  // A write has become durable.
  void OnDurable(Context& context);
  void Tick(Context& context);

 private:
  static constexpr uint32_t kSilentHeartbeatsMax = 3;

  bool MayAsk(const Context& context) const;
  void Ask(Context& context);
  void Acknowledge(Context& context);

  ReplicaId donor_;
  EntryId position_;
  bool awaiting_ = false;   // a request is on its way
  bool exhausted_ = false;  // the donor has no more, until the next heartbeat
  uint32_t waited_ticks_ = 0;
  InFlightWindow unsynced_;  // taken, and not durable yet
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CATCH_UP_H_
