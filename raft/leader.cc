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
    : replicator_(context, context.log().last().index.Next()),
      term_start_(context.log().last().index.Next()) {
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
  ++ticks_;
  tail_.ReleaseSpare();
  reads_.ReleaseSpare();
  replicator_.ReleaseSpare();
  if (replicator_.empty() ||
      ++ticks_since_beat_ < context.options().heartbeat_ticks) {
    return;
  }
  ticks_since_beat_ = 0;
  beat_due_ = true;
  replicator_.RecordHeartbeat(context, ticks_);
}

void Leader::OnAppendResponse(Context& context, const Message& response) {
  PeerProgress* peer = replicator_.Find(response.from);
  if (peer == nullptr || response.read_round > reads_.round() ||
      response.beat > ticks_ || response.match > context.log().last().index) {
    return;
  }
  peer->RecordRound(response.read_round);
  peer->RecordBeat(response.beat);
  if (replicator_.RecordResponse(context, *peer, response)) {
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
        const PeerProgress* peer = replicator_.Find(voter);
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

void Leader::OnReadRequest(Context& context, const Message& request) {
  if (replicator_.Find(request.from) == nullptr) return;
  reads_.AddFor(request.from, request.read_instance, request.read_id);
  ConfirmReads(context);
}

void Leader::ConfirmReads(Context& context) {
  // Before an entry of its own term is committed, a leader does not know what
  // is (RAFT.md 5).
  if (reads_.empty() || context.committed() < term_start_) return;
  const uint64_t round =
      Quorum(context.configuration()).ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter)) return std::numeric_limits<uint64_t>::max();
        const PeerProgress* peer = replicator_.Find(voter);
        return peer == nullptr ? uint64_t{0} : peer->acknowledged_round();
      });
  ReadQueue::WaitingRead read;
  while (reads_.TakeConfirmed(round, &read)) Confirm(context, read);
}

void Leader::Confirm(Context& context, const ReadQueue::WaitingRead& read) {
  if (read.from == ReplicaId{}) {
    context.ConfirmRead(read.id, context.committed());
    return;
  }
  Message response = context.NewMessage(MessageType::kReadResponse, read.from);
  response.granted = true;
  response.read_id = read.id;
  response.read_instance = read.instance;
  response.read_index = context.committed();
  context.Send(std::move(response));
}

bool Leader::HasPending(const Context& context) const {
  if (replicator_.empty()) return false;
  return HeartbeatDue() || replicator_.HasPending(context);
}

void Leader::SendPending(Context& context) {
  if (replicator_.empty()) return;
  const bool heartbeat = HeartbeatDue();
  if (reads_.needs_round()) reads_.BeginRound();
  RequestStamp stamp;
  stamp.read_round = reads_.round();
  stamp.beat = ticks_;
  replicator_.SendPending(context, tail_, stamp, heartbeat);
  beat_due_ = false;
}

bool Leader::HeldBy(ReplicaId replica, LogIndex index) const {
  const PeerProgress* peer = replicator_.Find(replica);
  return peer != nullptr && peer->match() >= index;
}

void Leader::Resign(Context& context) {
  // Other replicas' reads are refused there when the leader changes.
  ReadQueue::WaitingRead read;
  while (reads_.TakeAny(&read)) {
    if (read.from == ReplicaId{}) context.RefuseRead(read.id);
  }
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
  KAPPA_CHECK(reads_.empty() || !replicator_.empty() ||
                  context.committed() < term_start_,
              "a single voter's reads wait for its no-op only");
  replicator_.CheckInvariants(context);
}

}  // namespace kappa::raft
