#include "raft/leader.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "raft/mutant.h"
#include "raft/quorum.h"

namespace kappa::raft {

Leader::Leader(Context& context)
    : replicator_(context, context.log().last().index.Next()),
      term_start_(context.log().last().index.Next()),
      contact_(ticks_),
      quiesce_(ticks_) {
  EntryMeta no_op;
  no_op.kind = EntryKind::kNoOp;
  AppendEntry(context, no_op);
}

void Leader::AppendEntry(Context& context, EntryMeta entry) {
  entry.id = EntryId{context.term(), context.log().last().index.Next()};
  context.Append(entry);
  tail_.Push(entry);
  quiesce_.RecordBusy(ticks_);
}

absl::StatusOr<EntryId> Leader::Propose(Context& context, EntryKind kind,
                                        uint32_t record_count,
                                        uint64_t payload_bytes,
                                        EntryHandle handle) {
  KAPPA_CHECK(kind == EntryKind::kRecords || kind == EntryKind::kProducerFence,
              "a kind that is proposed");
  if (transfer_ && !KAPPA_MUTANT(kTransferTakesProposals)) {
    return absl::UnavailableError("propose: leadership is being transferred");
  }
  const uint64_t bytes_max = context.options().uncommitted_bytes_max;
  if (!tail_.Admits(payload_bytes, bytes_max) &&
      !KAPPA_MUTANT(kUncommittedUnlimited)) {
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

bool Leader::Tick(Context& context, const NodeLiveness& nodes,
                  Impairment impairment, bool may_hand_over) {
  ++ticks_;
  tail_.ReleaseSpare();
  reads_.ReleaseSpare();
  replicator_.ReleaseSpare();
  // While it is alone, too: its majority was there until others are voters.
  const bool alone = replicator_.empty();
  if (!alone || !KAPPA_MUTANT(kLoneLeaderHasNoQuorum)) {
    contact_.Record(QuorumBeat(context));
  }
  // A transfer may be left from before it was alone: the target is gone.
  if (alone) {
    return transfer_ != nullptr && TickTransfer(context, nodes, impairment);
  }
  const CoreSettings& options = context.options();
  if (++ticks_since_beat_ >= options.heartbeat_ticks) {
    ticks_since_beat_ = 0;
    beat_due_ = true;
    replicator_.RecordHeartbeat(context, ticks_);
    if (transfer_) transfer_->RecordHeartbeat();
  }
  if (options.check_quorum && !KAPPA_MUTANT(kNoQuorumKeepsLeading) &&
      contact_.Lost(ticks_, options.election_ticks)) {
    return true;
  }
  FollowCommit(context);
  if (transfer_) return TickTransfer(context, nodes, impairment);
  return TickHandOver(context, nodes, impairment, may_hand_over);
}

void Leader::OnAppendResponse(Context& context, const Message& response) {
  PeerProgress* peer = replicator_.Find(response.from);
  if (peer == nullptr || response.read_round > reads_.round() ||
      response.beat > ticks_ || response.match > context.log().last().index) {
    return;
  }
  peer->RecordRound(response.read_round);
  peer->RecordBeat(KAPPA_MUTANT(kLeaseFromReceipt) ? ticks_ : response.beat);
  peer->RecordPriority(response.priority);
  peer->RecordFitness(!response.unfit);
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
  // Alone, a leader has no other copy to wait for.
  const LogIndex own = HasOtherVoter(context.configuration(), context.self())
                           ? context.CountsUpTo(context.durable())
                           : context.durable();
  const LogIndex reached(
      Quorum(context.configuration()).ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter) ||
            (KAPPA_MUTANT(kRemovedLeaderCountsItself) &&
             !IsVoter(context.configuration(), context.self()) &&
             voter == context.configuration().voters.front())) {
          return KAPPA_MUTANT(kSoleVoterCommitsEarly) && replicator_.empty()
                     ? context.log().last().index.value()
                     : own.value();
        }
        const PeerProgress* peer = replicator_.Find(voter);
        return peer == nullptr ? uint64_t{0} : peer->match().value();
      }));
  // Only an entry of the own term is committed by counting; those before it are
  // committed with it (Raft paper §5.4.2).
  if (reached <= context.committed() ||
      (reached < term_start_ && !KAPPA_MUTANT(kOlderTermByCount))) {
    return;
  }
  context.CommitUpTo(reached);
  tail_.PopUpTo(reached);
  FollowCommit(context);
}

void Leader::OnReadRequested(Context& context, uint64_t id) {
  quiesce_.RecordBusy(ticks_);
  if (HoldsLease(context) || KAPPA_MUTANT(kReadWithoutQuorum)) {
    context.ConfirmRead(id, context.committed());
    return;
  }
  reads_.Add(id);
  ConfirmReads(context);
}

void Leader::OnReadRequest(Context& context, const Message& request) {
  if (replicator_.Find(request.from) == nullptr) return;
  if (HoldsLease(context)) {
    ReadQueue::WaitingRead read;
    read.from = request.from;
    read.instance = request.read_instance;
    read.id = request.read_id;
    Confirm(context, read);
    return;
  }
  reads_.AddFor(request.from, request.read_instance, request.read_id);
  ConfirmReads(context);
}

void Leader::ConfirmReads(Context& context) {
  // Before an entry of its own term is committed, a leader does not know what
  // is (RAFT.md 5).
  if (reads_.empty() || (context.committed() < term_start_ &&
                         !KAPPA_MUTANT(kReadBeforeOwnTerm))) {
    return;
  }
  const uint64_t round =
      Quorum(context.configuration()).ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter)) return std::numeric_limits<uint64_t>::max();
        const PeerProgress* peer = replicator_.Find(voter);
        if (peer == nullptr) return uint64_t{0};
        if (KAPPA_MUTANT(kReadRoundIgnored) && peer->acknowledged_beat() > 0) {
          return reads_.round();
        }
        return peer->acknowledged_round();
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
  return HeartbeatDue() || leaving_ || CallDue(context) ||
         replicator_.HasPending(context);
}

bool Leader::SendPending(Context& context, const NodeLiveness& nodes) {
  if (replicator_.empty()) return false;
  const bool heartbeat = HeartbeatDue() || leaving_;
  if (reads_.needs_round()) reads_.BeginRound();
  RequestStamp stamp;
  stamp.read_round = reads_.round();
  stamp.beat = ticks_;
  stamp.quiesce = AsksToSleep(context);
  replicator_.SendPending(context, tail_, stamp, heartbeat);
  beat_due_ = false;
  if (leaving_) return Leave(context, nodes);
  if (CallDue(context)) {
    Call(context, transfer_->target());
    transfer_->RecordTold();
  }
  return false;
}

bool Leader::HeldBy(ReplicaId replica, LogIndex index) const {
  const PeerProgress* peer = replicator_.Find(replica);
  return peer != nullptr && peer->match() >= index;
}

void Leader::Resign(Context& context) {
  if (transfer_) context.EndTransfer(TransferResult::kDone);
  // Other replicas' reads are refused there when the leader changes.
  ReadQueue::WaitingRead read;
  while (reads_.TakeAny(&read)) {
    if (KAPPA_MUTANT(kReadSurvivesStepDown)) {
      Confirm(context, read);
    } else if (read.from == ReplicaId{}) {
      context.RefuseRead(read.id);
    }
  }
}

// --- configuration ---

absl::StatusOr<EntryId> Leader::ProposeConfiguration(
    Context& context, const ConfigurationChange& change) {
  if (transfer_) {
    return absl::UnavailableError(
        "propose configuration: leadership is being transferred");
  }
  if (context.committed() < term_start_ &&
      !KAPPA_MUTANT(kConfigurationBeforeOwnTerm)) {
    // RAFT.md 8.
    return absl::FailedPreconditionError(
        absl::StrCat("propose configuration: no entry of term ",
                     context.term().value(), " is committed yet"));
  }
  if (context.committed() < context.configuration_index() &&
      !KAPPA_MUTANT(kConfigurationBeforeOwnTerm)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "propose configuration: the one at index ",
        context.configuration_index().value(), " is not committed yet"));
  }
  absl::StatusOr<Configuration> next =
      ApplyChange(context.configuration(), change);
  if (!next.ok()) return next.status();
  AppendConfiguration(context, *std::move(next));
  return context.log().last();
}

void Leader::AppendConfiguration(Context& context,
                                 Configuration configuration) {
  EntryMeta entry;
  entry.kind = EntryKind::kConfiguration;
  entry.configuration =
      std::make_shared<const Configuration>(std::move(configuration));
  AppendEntry(context, entry);
  replicator_.FollowConfiguration(context);
  // Fewer answers may do now; a leader that is the only voter gets no more.
  ConfirmReads(context);
}

void Leader::RecoverAlone(Context& context) {
  Configuration alone;
  alone.voters = {context.self()};
  AppendConfiguration(context, std::move(alone));
}

void Leader::FollowCommit(Context& context) {
  const bool settled = context.committed() >= context.configuration_index() ||
                       KAPPA_MUTANT(kPromotionsOverlap);
  if (context.committed() < term_start_ || !settled) return;
  if (KAPPA_MUTANT(kConfigurationOnCommit)) {
    replicator_.FollowConfiguration(context);
  }
  const Configuration& present = context.configuration();
  if (present.joint()) {
    if (!present.auto_leave) return;
    ConfigurationChange leave;
    leave.step = ConfigurationChange::Step::kLeaveJoint;
    AppendConfiguration(context, *ApplyChange(present, leave));
    return;
  }
  if (!IsVoter(present, context.self())) {
    leaving_ = true;
    return;
  }
  if (transfer_) return;
  if (std::optional<Configuration> next = Promotion(context)) {
    AppendConfiguration(context, *std::move(next));
  }
}

// The configuration with the first promoting learner that has caught up as a
// voter; one at a time (RAFT.md 9).
std::optional<Configuration> Leader::Promotion(const Context& context) {
  const Configuration& present = context.configuration();
  if (present.promoting.empty()) return std::nullopt;
  PromotionRounds& promotions = watches().promotions;
  promotions.KeepOnly(present.promoting);
  std::optional<ReplicaId> ready;
  for (ReplicaId learner : present.promoting) {
    const PeerProgress* peer = replicator_.Find(learner);
    if (peer != nullptr &&
        promotions.Record(learner, peer->match(), context.log().last().index,
                          ticks_, context.options().election_ticks) &&
        !ready) {
      ready = learner;
    }
  }
  if (!ready) return std::nullopt;
  ConfigurationChange change;
  change.step = ConfigurationChange::Step::kSimple;
  change.voters = present.voters;
  change.voters.push_back(*ready);
  change.learners = present.learners;
  change.promoting = present.promoting;
  std::erase(change.learners, *ready);
  std::erase(change.promoting, *ready);
  absl::StatusOr<Configuration> next = ApplyChange(present, change);
  KAPPA_CHECK(next.ok(), "a promotion is a legal change");
  return *std::move(next);
}

void Leader::CheckInvariants(const Context& context) const {
  const TermTable& log = context.log();
  KAPPA_CHECK(context.leader() == context.self(), "the leader knows itself");
  KAPPA_CHECK(context.vote() == context.self(), "the leader's own vote");
  KAPPA_CHECK(log.last().term == context.term(), "the own term's no-op");
  // Once it is committed, the start of the term may be trimmed.
  KAPPA_CHECK(term_start_ <= log.base().index ||
                  log.TermAt(term_start_) == context.term(),
              "term start");
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
