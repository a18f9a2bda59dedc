#include "raft/peer_progress.h"

#include <algorithm>

#include "proto/wire/check.h"

namespace kappa::raft {

void PeerProgress::RecordSent(LogIndex last) {
  if (probing_) {
    awaiting_ = true;
    return;
  }
  KAPPA_CHECK(last.Next() >= next_, "entries are sent in order");
  next_ = last.Next();
}

bool PeerProgress::RecordAck(LogIndex index) {
  const bool advanced = index > match_;
  match_ = std::max(match_, index);
  if (advanced) silent_heartbeats_ = 0;
  // An acknowledgement below the probe says nothing about it.
  if (probing_ && match_.Next() >= next_) {
    probing_ = false;
    awaiting_ = false;
  }
  next_ = std::max(next_, match_.Next());
  return advanced;
}

bool PeerProgress::RecordRejection(LogIndex rejected, LogIndex probe_point) {
  if (rejected <= match_) return false;
  if (probing_ && rejected.Next() != next_) return false;
  if (!probing_ && rejected >= next_) return false;
  Probe(std::max(match_.Next(), std::min(probe_point.Next(), rejected)));
  return true;
}

void PeerProgress::RecordHeartbeat() {
  if (in_flight_entries() == 0 && !awaiting_) {
    silent_heartbeats_ = 0;
    return;
  }
  if (++silent_heartbeats_ < kSilentHeartbeatsMax) return;
  Probe(probing_ ? next_ : match_.Next());
}

void PeerProgress::Probe(LogIndex next) {
  next_ = next;
  probing_ = true;
  awaiting_ = false;
  silent_heartbeats_ = 0;
}

void PeerProgress::RecordTold(LogIndex committed) {
  told_committed_ = std::max(told_committed_, committed);
}

void PeerProgress::RecordRound(uint64_t round) {
  acknowledged_round_ = std::max(acknowledged_round_, round);
}

void PeerProgress::CheckInvariants(LogIndex last) const {
  KAPPA_CHECK(match_ < next_, "match < next");
  KAPPA_CHECK(next_ <= last.Next(), "nothing is sent that does not exist");
}

}  // namespace kappa::raft
