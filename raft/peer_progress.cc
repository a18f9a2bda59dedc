#include "raft/peer_progress.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"

namespace kappa::raft {

bool PeerProgress::MaySend(const CoreSettings& options) const {
  if (state_ == PeerState::kProbe) return !awaiting_;
  return state_ == PeerState::kReplicate &&
         (KAPPA_MUTANT(kWindowUnlimited) ||
          !window_.Full(options.in_flight_entries_max,
                        options.in_flight_bytes_max));
}

void PeerProgress::RecordSent(LogIndex last, uint64_t entries,
                              uint64_t payload_bytes) {
  if (state_ == PeerState::kProbe) {
    awaiting_ = true;
    return;
  }
  KAPPA_CHECK(state_ == PeerState::kReplicate, "entries go out in no other");
  KAPPA_CHECK(last.Next() == next_ + entries, "entries are sent in order");
  next_ = last.Next();
  window_.Push(last, entries, payload_bytes);
}

bool PeerProgress::RecordAck(LogIndex index) {
  const bool advanced = index > match_;
  match_ = std::max(match_, index);
  if (advanced) {
    silent_heartbeats_ = 0;
    full_ = false;
  }
  window_.PopUpTo(match_);
  // An acknowledgement below the probe says nothing about it, and one of what
  // is held already nothing about a full disk.
  if (state_ == PeerState::kProbe && !full_ && match_.Next() >= next_) {
    Replicate();
  }
  next_ = std::max(next_, match_.Next());
  return advanced;
}

void PeerProgress::RecordUncounted(LogIndex index) {
  if (state_ == PeerState::kProbe && !full_ && index.Next() >= next_) {
    Replicate();
  }
}

bool PeerProgress::RecordRejection(LogIndex rejected, LogIndex probe_point) {
  if (KAPPA_MUTANT(kStaleRejectionTaken) && rejected < next_) {
    match_ = std::min(match_, probe_point);
    Enter(PeerState::kProbe, match_.Next());
    return true;
  }
  if (rejected <= match_) return false;
  if (state_ == PeerState::kProbe ? rejected.Next() != next_
                                  : rejected >= next_) {
    return false;
  }
  if (state_ != PeerState::kProbe && state_ != PeerState::kReplicate) {
    return false;
  }
  Enter(PeerState::kProbe,
        KAPPA_MUTANT(kRejectionStandsStill)
            ? next_
            : std::max(match_.Next(), std::min(probe_point.Next(), rejected)));
  return true;
}

void PeerProgress::RecordFull(LogIndex held) {
  if (state_ != PeerState::kProbe && state_ != PeerState::kReplicate) return;
  if (held >= next_) return;
  Enter(PeerState::kProbe, std::max(match_, held).Next());
  full_ = true;
  awaiting_ = true;
}

void PeerProgress::RecordHeartbeat() {
  if (state_ == PeerState::kBase) base_sender_->RecordHeartbeat();
  if (state_ == PeerState::kProbe || state_ == PeerState::kReplicate) {
    if (full_) awaiting_ = false;
    if (window_.empty() && !awaiting_) {
      silent_heartbeats_ = 0;
      return;
    }
    if (++silent_heartbeats_ < kSilentHeartbeatsMax) return;
    Enter(PeerState::kProbe, probing() ? next_ : match_.Next());
    return;
  }
  ++silent_heartbeats_;
}

void PeerProgress::CatchUpFrom(ReplicaId donor) {
  Enter(PeerState::kCatchUp, match_.Next());
  donor_ = std::make_unique<ReplicaId>(donor);
}

std::optional<ReplicaId> PeerProgress::donor() const {
  if (donor_ == nullptr) return std::nullopt;
  return *donor_;
}

void PeerProgress::SendBase(std::shared_ptr<const LogBase> base) {
  Enter(PeerState::kBase, match_.Next());
  base_sender_ = std::make_unique<BaseSender>(std::move(base));
}

void PeerProgress::Replicate() { Enter(PeerState::kReplicate, match_.Next()); }

void PeerProgress::Enter(PeerState state, LogIndex next) {
  state_ = state;
  next_ = next;
  awaiting_ = false;
  silent_heartbeats_ = 0;
  window_.Clear();
  donor_.reset();
  base_sender_.reset();
}

void PeerProgress::RecordTold(LogIndex committed) {
  told_committed_ = std::max(told_committed_, committed);
}

void PeerProgress::RecordRound(uint64_t round) {
  acknowledged_round_ = std::max(acknowledged_round_, round);
}

void PeerProgress::RecordBeat(uint64_t beat) {
  acknowledged_beat_ = std::max(acknowledged_beat_, beat);
}

void PeerProgress::CheckInvariants(LogIndex last) const {
  KAPPA_CHECK(match_ < next_, "match < next");
  KAPPA_CHECK(next_ <= last.Next(), "nothing is sent that does not exist");
  KAPPA_CHECK(window_.empty() || state_ == PeerState::kReplicate,
              "entries are in flight while replicating only");
  KAPPA_CHECK((state_ == PeerState::kBase) == (base_sender_ != nullptr),
              "a base is sent in kBase only");
  KAPPA_CHECK(state_ != PeerState::kCatchUp || next_ == match_.Next(),
              "nothing is in flight while it catches up");
  window_.CheckInvariants();
  if (base_sender_ != nullptr) base_sender_->CheckInvariants();
}

}  // namespace kappa::raft
