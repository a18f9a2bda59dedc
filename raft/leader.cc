#include "raft/leader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "raft/quorum.h"

namespace kappa::raft {

Leader::Leader(Context& context)
    : term_start_(context.log().last().index.Next()) {
  for (ReplicaId member : Members(context.configuration())) {
    if (!context.IsSelf(member)) peers_.emplace_back(member, term_start_);
  }
  EntryMeta no_op;
  no_op.kind = EntryKind::kNoOp;
  AppendEntry(context, no_op);
}

void Leader::AppendEntry(Context& context, EntryMeta entry) {
  entry.id = EntryId{context.term(), context.log().last().index.Next()};
  context.Append(entry);
  tail_.Push(entry);
}

absl::StatusOr<EntryId> Leader::Propose(Context& context, EntryKind kind,
                                        uint32_t record_count,
                                        uint64_t payload_bytes,
                                        EntryHandle handle) {
  KAPPA_CHECK(kind == EntryKind::kRecords || kind == EntryKind::kProducerFence,
              "a kind that is proposed");
  const uint64_t bytes_max = context.options().uncommitted_bytes_max;
  if (!tail_.Admits(payload_bytes, bytes_max)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "propose at index ", context.log().last().index.Next().value(), ": ",
        tail_.payload_bytes(), " payload bytes are uncommitted, ",
        payload_bytes, " more would exceed uncommitted_bytes_max ", bytes_max));
  }
  EntryMeta entry;
  entry.kind = kind;
  entry.record_count = record_count;
  entry.payload_bytes = payload_bytes;
  entry.handle = handle;
  AppendEntry(context, entry);
  return context.log().last();
}

void Leader::Tick(Context& context) {
  tail_.ReleaseSpare();
  reads_.ReleaseSpare();
  if (peers_.empty() ||
      ++ticks_since_beat_ < context.options().heartbeat_ticks) {
    return;
  }
  ticks_since_beat_ = 0;
  beat_due_ = true;
  for (PeerProgress& peer : peers_) peer.RecordHeartbeat();
}

void Leader::OnAppendResponse(Context& context, const Message& response) {
  PeerProgress* peer = FindPeer(response.from);
  if (peer == nullptr || response.read_round > reads_.round() ||
      response.match > context.log().last().index) {
    return;
  }
  peer->RecordRound(response.read_round);
  if (!response.granted) {
    peer->RecordRejection(response.previous.index,
                          context.log().HighestPossibleMatch(
                              response.term_starts, response.last.index));
  } else if (peer->RecordAck(response.match)) {
    AdvanceCommit(context);
  }
  ConfirmReads(context);
}

void Leader::OnDurable(Context& context) {
  AdvanceCommit(context);
  ConfirmReads(context);
}

void Leader::AdvanceCommit(Context& context) {
  const LogIndex reached(
      Quorum(context.configuration()).ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter)) return context.durable().value();
        const PeerProgress* peer = FindPeer(voter);
        return peer == nullptr ? uint64_t{0} : peer->match().value();
      }));
  // Only an entry of the own term is committed by counting; those before it are
  // committed with it (Raft paper §5.4.2).
  if (reached <= context.committed() || reached < term_start_) return;
  context.CommitUpTo(reached);
  tail_.PopUpTo(reached);
}

void Leader::OnReadRequested(Context& context, uint64_t id) {
  reads_.Add(id);
  ConfirmReads(context);
}

void Leader::ConfirmReads(Context& context) {
  // Before an entry of its own term is committed, a leader does not know what
  // is (RAFT.md 5).
  if (reads_.empty() || context.committed() < term_start_) return;
  const uint64_t round =
      Quorum(context.configuration()).ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter)) return std::numeric_limits<uint64_t>::max();
        const PeerProgress* peer = FindPeer(voter);
        return peer == nullptr ? uint64_t{0} : peer->acknowledged_round();
      });
  uint64_t id = 0;
  while (reads_.TakeConfirmed(round, &id)) {
    context.ConfirmRead(id, context.committed());
  }
}

bool Leader::EntriesDue(const Context& context,
                        const PeerProgress& peer) const {
  // A peer that needs what lies below the base cannot be served from the log.
  if (peer.next() <= context.log().base().index ||
      !peer.MaySend(context.options().in_flight_entries_max)) {
    return false;
  }
  return peer.probing() || peer.next() <= context.log().last().index;
}

bool Leader::CommitDue(const Context& context, const PeerProgress& peer) const {
  return std::min(context.committed(), peer.match()) > peer.told_committed();
}

bool Leader::HasPending(const Context& context) const {
  if (peers_.empty()) return false;
  if (HeartbeatDue()) return true;
  return std::any_of(
      peers_.begin(), peers_.end(), [&](const PeerProgress& peer) {
        return EntriesDue(context, peer) || CommitDue(context, peer);
      });
}

void Leader::SendPending(Context& context) {
  if (peers_.empty()) return;
  const bool heartbeat = HeartbeatDue();
  if (reads_.needs_round()) reads_.BeginRound();
  for (PeerProgress& peer : peers_) {
    const bool entries = EntriesDue(context, peer);
    while (EntriesDue(context, peer)) SendEntries(context, peer);
    if (!entries && (heartbeat || CommitDue(context, peer))) {
      SendHeartbeat(context, peer);
    }
  }
  beat_due_ = false;
}

// Refers to the last entry that the peer is known to hold, so it is never
// refused, whatever it overtakes on its way.
void Leader::SendHeartbeat(Context& context, PeerProgress& peer) {
  Message request = context.NewMessage(MessageType::kAppendRequest, peer.id());
  if (const std::optional<Term> term = context.log().TermAt(peer.match())) {
    request.previous = EntryId{*term, peer.match()};
  }
  request.committed = std::min(context.committed(), peer.match());
  request.read_round = reads_.round();
  peer.RecordTold(request.committed);
  context.Send(std::move(request));
}

void Leader::SendEntries(Context& context, PeerProgress& peer) {
  const CoreOptions& options = context.options();
  const LogIndex last = context.log().last().index;
  Message request = context.NewMessage(MessageType::kAppendRequest, peer.id());
  const LogIndex previous = peer.next().Previous();
  request.previous = EntryId{*context.log().TermAt(previous), previous};
  uint64_t payload_bytes = 0;
  for (LogIndex index = peer.next();
       index <= last && request.entries.size() < options.request_entries_max &&
       payload_bytes < options.request_bytes_max;
       ++index) {
    request.entries.push_back(MetaAt(context, index));
    payload_bytes += request.entries.back().payload_bytes;
  }
  const LogIndex sent = previous + request.entries.size();
  request.committed = std::min(context.committed(), sent);
  request.read_round = reads_.round();
  peer.RecordSent(sent);
  peer.RecordTold(request.committed);
  context.Send(std::move(request));
}

EntryMeta Leader::MetaAt(const Context& context, LogIndex index) const {
  if (const EntryMeta* own = tail_.Find(index)) return *own;
  EntryMeta named;
  named.id = EntryId{*context.log().TermAt(index), index};
  return named;
}

PeerProgress* Leader::FindPeer(ReplicaId id) {
  auto peer = std::lower_bound(
      peers_.begin(), peers_.end(), id,
      [](const PeerProgress& p, ReplicaId wanted) { return p.id() < wanted; });
  return peer == peers_.end() || peer->id() != id ? nullptr : &*peer;
}

void Leader::Resign(Context& context) {
  uint64_t id = 0;
  while (reads_.TakeAny(&id)) context.RefuseRead(id);
}

void Leader::CheckInvariants(const Context& context) const {
  const TermTable& log = context.log();
  KAPPA_CHECK(context.leader() == context.self(), "the leader knows itself");
  KAPPA_CHECK(context.vote() == context.self(), "the leader's own vote");
  KAPPA_CHECK(log.last().term == context.term(), "the own term's no-op");
  KAPPA_CHECK(log.TermAt(term_start_) == context.term(), "term start");
  KAPPA_CHECK(log.TermAt(term_start_.Previous()) != context.term(),
              "the no-op is the term's first entry");
  tail_.CheckInvariants(context.committed(), term_start_, log.last().index);
  reads_.CheckInvariants();
  KAPPA_CHECK(
      reads_.empty() || !peers_.empty() || context.committed() < term_start_,
      "a single voter's reads wait for its no-op only");
  for (const PeerProgress& peer : peers_) {
    KAPPA_CHECK(!context.IsSelf(peer.id()), "no peer of itself");
    peer.CheckInvariants(log.last().index);
  }
}

}  // namespace kappa::raft
