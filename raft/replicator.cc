#include "raft/replicator.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"
#include "raft/quorum.h"

namespace kappa::raft {

Replicator::Replicator(const Context& context, LogIndex next) {
  for (ReplicaId member : Members(context.configuration())) {
    if (!context.IsSelf(member)) peers_.emplace_back(member, next);
  }
}

void Replicator::FollowConfiguration(const Context& context) {
  const LogIndex next = context.log().last().index.Next();
  std::vector<PeerProgress> peers;
  for (ReplicaId member : Members(context.configuration())) {
    if (context.IsSelf(member)) continue;
    if (PeerProgress* known = Find(member)) {
      peers.push_back(std::move(*known));
    } else {
      peers.emplace_back(member, next);
    }
  }
  peers_ = std::move(peers);
}

const PeerProgress* Replicator::Find(ReplicaId id) const {
  auto peer = std::lower_bound(
      peers_.begin(), peers_.end(), id,
      [](const PeerProgress& p, ReplicaId wanted) { return p.id() < wanted; });
  return peer == peers_.end() || peer->id() != id ? nullptr : &*peer;
}

PeerProgress* Replicator::Find(ReplicaId id) {
  return const_cast<PeerProgress*>(std::as_const(*this).Find(id));
}

// --- what comes in ---

void Replicator::RecordHeartbeat(const Context& context, uint64_t now) {
  now_ = now;
  for (PeerProgress& peer : peers_) {
    peer.RecordHeartbeat();
    Reclassify(context, peer);
  }
}

bool Replicator::RecordResponse(const Context& context, PeerProgress& peer,
                                const Message& response) {
  bool advanced = false;
  if (response.granted) {
    advanced = peer.RecordAck(response.match);
    if (response.match < response.previous.index) {
      peer.RecordUncounted(response.previous.index);
    }
  } else if (response.full) {
    peer.RecordFull(response.previous.index);
  } else {
    peer.RecordRejection(response.previous.index,
                         context.log().HighestPossibleMatch(
                             response.term_starts, response.last.index));
  }
  Reclassify(context, peer);
  return advanced;
}

void Replicator::OnBaseResponse(const Context& context,
                                const Message& response) {
  PeerProgress* peer = Find(response.from);
  if (peer == nullptr || peer->base_sender() == nullptr ||
      peer->base_sender()->base().id != response.last) {
    return;
  }
  peer->base_sender()->RecordAnswer(response.granted, response.full,
                                    response.chunk_end);
  Reclassify(context, *peer);
}

void Replicator::OnTrimmed(const Context& context) {
  for (PeerProgress& peer : peers_) Reclassify(context, peer);
}

// --- where a peer's entries come from ---

void Replicator::Reclassify(const Context& context, PeerProgress& peer) {
  const LogBase& base = context.base();
  if (peer.next() <= base.id.index) {
    const BaseSender* sender = peer.base_sender();
    if (sender == nullptr || sender->base().id != base.id) {
      peer.SendBase(std::make_shared<const LogBase>(base));
    }
    return;
  }
  if (peer.state() == PeerState::kBase) peer.Replicate();
  const CoreSettings& options = context.options();
  const uint64_t lag = context.committed() > peer.match()
                           ? context.committed() - peer.match()
                           : 0;
  if (peer.state() == PeerState::kReplicate) {
    // What is in flight may lie above the base while match is below it: then
    // only its acknowledgement, or its loss, says what is needed.
    if (options.catch_up_entries > 0 && lag > options.catch_up_entries &&
        peer.match() >= base.id.index) {
      peer.CatchUpFrom(FirstDonor(context, peer));
    }
    return;
  }
  if (peer.state() != PeerState::kCatchUp) return;
  // Only committed entries can be fetched; the rest streams.
  if (lag <= std::min<uint64_t>(options.request_entries_max,
                                options.catch_up_entries)) {
    peer.Replicate();
    return;
  }
  const bool stuck =
      uint64_t{peer.silent_heartbeats()} * options.heartbeat_ticks >=
      options.election_ticks;
  if (stuck || !MayDonate(context, *peer.donor(), peer)) {
    peer.CatchUpFrom(NextDonor(context, peer, *peer.donor()));
  }
}

bool Replicator::MayDonate(const Context& context, ReplicaId donor,
                           const PeerProgress& peer) const {
  if (context.IsSelf(donor)) return true;
  const PeerProgress* other = Find(donor);
  return other != nullptr && donor != peer.id() && !other->full() &&
         other->state() == PeerState::kReplicate &&
         Active(context, *other, now_) &&
         other->told_committed() > peer.match();
}

ReplicaId Replicator::FirstDonor(const Context& context,
                                 const PeerProgress& peer) const {
  // A follower rather than the leader, which has enough to do.
  const ReplicaId first = NextDonor(context, peer, peer.id());
  return context.IsSelf(first) ? NextDonor(context, peer, first) : first;
}

ReplicaId Replicator::NextDonor(const Context& context,
                                const PeerProgress& peer,
                                ReplicaId after) const {
  // Round and round by id; the leader is always one of them.
  std::optional<ReplicaId> above;
  ReplicaId lowest = context.self();
  auto consider = [&](ReplicaId id) {
    if (!MayDonate(context, id, peer)) return;
    lowest = std::min(lowest, id);
    if (id > after && (!above || id < *above)) above = id;
  };
  consider(context.self());
  for (const PeerProgress& other : peers_) consider(other.id());
  return above.value_or(lowest);
}

bool Replicator::Active(const Context& context, const PeerProgress& peer,
                        uint64_t now) const {
  return peer.acknowledged_beat() > 0 &&
         now < peer.acknowledged_beat() + context.options().election_ticks;
}

// --- what goes out ---

bool Replicator::EntriesDue(const Context& context,
                            const PeerProgress& peer) const {
  if (!peer.MaySend(context.options())) return false;
  if (peer.probing()) return true;
  return peer.next() <= context.log().last().index &&
         (!context.damaged().Contains(peer.next()) ||
          KAPPA_MUTANT(kDamagedSent));
}

bool Replicator::CommitDue(const Context& context,
                           const PeerProgress& peer) const {
  if (KAPPA_MUTANT(kCommitToldOnce)) return false;
  // Who catches up commits what it fetches.
  return peer.state() != PeerState::kCatchUp &&
         std::min(context.committed(), peer.match()) > peer.told_committed();
}

bool Replicator::ChunkDue(const Context& context,
                          const PeerProgress& peer) const {
  return peer.base_sender() != nullptr &&
         peer.base_sender()->MaySend(context.options().base_chunk_bytes);
}

bool Replicator::HasPending(const Context& context) const {
  return std::any_of(
      peers_.begin(), peers_.end(), [&](const PeerProgress& peer) {
        return EntriesDue(context, peer) || CommitDue(context, peer) ||
               ChunkDue(context, peer);
      });
}

void Replicator::SendPending(Context& context, const UncommittedTail& tail,
                             const RequestStamp& stamp, bool heartbeat) {
  for (PeerProgress& peer : peers_) {
    const bool entries = EntriesDue(context, peer);
    while (EntriesDue(context, peer)) SendEntries(context, tail, peer, stamp);
    if (!entries && (heartbeat || CommitDue(context, peer))) {
      SendHeartbeat(context, peer, stamp);
    }
    while (ChunkDue(context, peer)) SendChunk(context, peer, stamp);
  }
}

Message Replicator::NewRequest(const Context& context, const PeerProgress& peer,
                               const RequestStamp& stamp) const {
  Message request = context.NewMessage(MessageType::kAppendRequest, peer.id());
  request.read_round = stamp.read_round;
  request.beat = stamp.beat;
  request.quiesce = stamp.quiesce;
  request.donor = peer.donor();
  return request;
}

// Refers to the last entry that the peer is known to hold, so it is never
// refused, whatever it overtakes on its way.
void Replicator::SendHeartbeat(Context& context, PeerProgress& peer,
                               const RequestStamp& stamp) {
  Message request = NewRequest(context, peer, stamp);
  if (const std::optional<Term> term = context.log().TermAt(peer.match())) {
    request.previous = EntryId{*term, peer.match()};
  }
  // Resent until it is told: who cannot take a commit yet is told again
  // (RAFT.md 23).
  request.committed = KAPPA_MUTANT(kCommitToldOnce)
                          ? LogIndex(0)
                          : std::min(context.committed(), peer.match());
  peer.RecordTold(request.committed);
  context.Send(std::move(request));
}

void Replicator::SendEntries(Context& context, const UncommittedTail& tail,
                             PeerProgress& peer, const RequestStamp& stamp) {
  const CoreSettings& options = context.options();
  Message request = NewRequest(context, peer, stamp);
  const LogIndex previous = peer.next().Previous();
  request.previous = EntryId{*context.log().TermAt(previous), previous};
  LogIndex last = std::min(context.log().last().index,
                           previous + options.request_entries_max);
  // A damaged entry is never sent (RELIABILITY.md S7).
  if (const std::optional<LogIndex> damaged =
          context.damaged().FirstFrom(peer.next());
      damaged && !KAPPA_MUTANT(kDamagedSent)) {
    last = std::min(last, damaged->Previous());
  }
  request.entries.reserve(last - previous);
  uint64_t payload_bytes = 0;
  for (LogIndex index = peer.next();
       index <= last && payload_bytes < options.request_bytes_max; ++index) {
    EntryMeta& entry = request.entries.emplace_back();
    if (const EntryMeta* own = tail.Find(index)) {
      entry = *own;
      payload_bytes += own->payload_bytes;
    } else {
      entry.id = EntryId{*context.log().TermAt(index), index};
      payload_bytes += options.unknown_entry_bytes;
    }
  }
  const LogIndex sent = previous + request.entries.size();
  request.committed = std::min(context.committed(), sent);
  peer.RecordSent(sent, request.entries.size(), payload_bytes);
  peer.RecordTold(request.committed);
  context.Send(std::move(request));
}

void Replicator::SendChunk(Context& context, PeerProgress& peer,
                           const RequestStamp& stamp) {
  Message request = context.NewMessage(MessageType::kBaseRequest, peer.id());
  request.beat = stamp.beat;
  request.chunk = peer.base_sender()->Next(context.options().base_chunk_bytes);
  context.Send(std::move(request));
}

// --- what is known ---

std::vector<PeerStatus> Replicator::Status(const Context& context,
                                           uint64_t now) const {
  std::vector<PeerStatus> result;
  for (const PeerProgress& peer : peers_) {
    PeerStatus status;
    status.id = peer.id();
    status.state = peer.state();
    status.voter = IsVoter(context.configuration(), peer.id());
    status.active = Active(context, peer, now);
    status.full = peer.full();
    status.match = peer.match();
    status.next = peer.next();
    status.in_flight_bytes = peer.in_flight_bytes();
    status.donor = peer.donor();
    if (peer.base_sender() != nullptr) {
      status.base_bytes = peer.base_sender()->acknowledged();
    }
    result.push_back(status);
  }
  return result;
}

void Replicator::ReleaseSpare() {
  for (PeerProgress& peer : peers_) peer.ReleaseSpare();
}

void Replicator::CheckInvariants(const Context& context) const {
  ReplicaId previous;
  for (const PeerProgress& peer : peers_) {
    KAPPA_CHECK(!context.IsSelf(peer.id()), "no peer of itself");
    KAPPA_CHECK(previous < peer.id(), "peers ascend by id");
    KAPPA_CHECK(peer.next() > context.base().id.index ||
                    peer.state() == PeerState::kBase,
                "what is gone is sent as a base");
    peer.CheckInvariants(context.log().last().index);
    previous = peer.id();
  }
}

}  // namespace kappa::raft
