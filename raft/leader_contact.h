// LeaderContact: when this replica last heard the leader.
#ifndef KAPPA_RAFT_LEADER_CONTACT_H_
#define KAPPA_RAFT_LEADER_CONTACT_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/message.h"

namespace kappa::raft {

// Who heard a leader within an election time helps nobody else to become one
// (stickiness; Raft dissertation §4.2.3). That is also the promise that leases
// rest on, so it outlives the role and the term in which it was given.
//
// It is lifted for a candidate that the leader itself called, but only if the
// call is recent: a kTimeoutNow that was long on its way must not end a lease
// that began after it. A candidate passes the call's beat on.
//
// Thread safety: thread-compatible.
class LeaderContact {
 public:
  // `promised`: the process before this one may have heard a leader until it
  // ended. Of which beat is not known, so that promise is lifted by no call.
  LeaderContact(uint32_t election_ticks, bool promised)
      : bound_ticks_(promised ? election_ticks : 0),
        inherited_ticks_(bound_ticks_) {}

  void Tick() {
    if (bound_ticks_ > 0) --bound_ticks_;
    if (inherited_ticks_ > 0) --inherited_ticks_;
  }
  // The leader of `term` sent a request at its tick `beat`.
  void Hear(Term term, uint64_t beat, uint32_t election_ticks);
  // Less than an election time has passed since.
  bool recent() const { return bound_ticks_ > 0; }
  // The newest beat heard; 0 at first.
  uint64_t beat() const { return beat_; }

  // Whether `request`, a vote or pre-vote request, comes from a replica that
  // the leader called recently.
  bool CalledByLeader(const Message& request, uint32_t election_ticks) const;
  // Whether a kTimeoutNow of the leader is known to be not older than an
  // election time.
  bool StillCalls(const Message& timeout_now, uint32_t election_ticks) const;

 private:
  bool InheritedBinds() const;

  uint32_t bound_ticks_;      // for which the promise still binds
  uint32_t inherited_ticks_;  // and that of the process before
  Term term_;                 // in which beat_ was heard
  uint64_t beat_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LEADER_CONTACT_H_
