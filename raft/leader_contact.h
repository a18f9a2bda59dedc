// LeaderContact: when this replica last heard the leader.
#ifndef KAPPA_RAFT_LEADER_CONTACT_H_
#define KAPPA_RAFT_LEADER_CONTACT_H_

#include <algorithm>
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
  // `promised`: this process may have heard a leader just before it started.
  LeaderContact(uint32_t election_ticks, bool promised)
      : election_ticks_(election_ticks),
        silent_ticks_(promised ? 0 : election_ticks) {}

  void Tick() { silent_ticks_ = std::min(silent_ticks_ + 1, election_ticks_); }
  // The leader of `term` sent a request at its tick `beat`.
  void Hear(Term term, uint64_t beat);
  // Less than an election time has passed since.
  bool recent() const { return silent_ticks_ < election_ticks_; }
  // The newest beat heard; 0 at first.
  uint64_t beat() const { return beat_; }

  // Whether `request`, a vote or pre-vote request, comes from a replica that
  // the leader called recently.
  bool CalledByLeader(const Message& request) const;
  // Whether a kTimeoutNow of the leader is not older than an election time.
  bool StillCalls(const Message& timeout_now) const;

 private:
  uint32_t election_ticks_;
  uint32_t silent_ticks_;
  Term term_;  // in which beat_ was heard
  uint64_t beat_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LEADER_CONTACT_H_
