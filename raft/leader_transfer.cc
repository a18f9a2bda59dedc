// Leader: for how long it leads, who leads next, and when it sleeps.
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "raft/leader.h"
#include "raft/mutant.h"
#include "raft/quorum.h"

namespace kappa::raft {

// The newest beat that a majority has answered.
uint64_t Leader::QuorumBeat(const Context& context) const {
  return Quorum(context.configuration())
      .ReachedByMajority([&](ReplicaId voter) {
        if (context.IsSelf(voter)) return ticks_;
        const PeerProgress* peer = replicator_.Find(voter);
        return peer == nullptr ? uint64_t{0} : peer->acknowledged_beat();
      });
}

bool Leader::HoldsLease(const Context& context) const {
  const uint32_t lease_ticks = context.options().lease_ticks;
  if (lease_ticks == 0 || context.committed() < term_start_) return false;
  QuorumContact contact = contact_;
  contact.Record(QuorumBeat(context));
  return contact.HoldsLease(ticks_, lease_ticks);
}

Leader::PeerWatches& Leader::watches() {
  if (watches_ == nullptr) watches_ = std::make_unique<PeerWatches>();
  return *watches_;
}

std::vector<Successor> Leader::Successors(const Context& context,
                                          const NodeLiveness& nodes) const {
  std::vector<Successor> successors;
  const uint32_t lately = (context.options().election_ticks + 1) / 2;
  for (PeerStatus& status : replicator_.Status(context, ticks_)) {
    const PeerProgress& peer = *replicator_.Find(status.id);
    Successor successor;
    successor.priority = peer.priority();
    successor.fit = (peer.fit() && nodes.alive(peer.id().node)) ||
                    KAPPA_MUTANT(kUnfitSuccessor);
    successor.heard_lately = ticks_ < peer.acknowledged_beat() + lately;
    successor.status = std::move(status);
    successors.push_back(std::move(successor));
  }
  return successors;
}

absl::Status Leader::Transfer(Context& context, const NodeLiveness& nodes,
                              std::optional<ReplicaId> target) {
  if (target &&
      (context.IsSelf(*target) || !IsVoter(context.configuration(), *target))) {
    return absl::InvalidArgumentError(
        absl::StrCat("transfer leadership: replica ", target->node.value(), ".",
                     target->incarnation.value(), " is no other voter"));
  }
  if (transfer_) {
    if (!target || *target == transfer_->target()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "transfer leadership: a transfer to another replica is under way");
  }
  if (!target) target = BestSuccessor(Successors(context, nodes));
  if (!target) {
    return absl::FailedPreconditionError(
        "transfer leadership: no other voter is known to be alive and fit");
  }
  BeginTransfer(context, *target, /*by_impairment=*/false);
  return absl::OkStatus();
}

void Leader::BeginTransfer(Context& context, ReplicaId target,
                           bool by_impairment) {
  transfer_ = std::make_unique<LeadershipTransfer>(
      target, ticks_ + context.options().election_ticks, by_impairment);
}

// Requires: a transfer is under way. Returns true if the leader must step down.
bool Leader::TickTransfer(Context& context, const NodeLiveness& nodes,
                          Impairment impairment) {
  const bool by_impairment = transfer_->by_impairment();
  const PeerProgress* target = replicator_.Find(transfer_->target());
  if (!IsVoter(context.configuration(), transfer_->target())) {
    context.EndTransfer(TransferResult::kAborted);
    transfer_.reset();
  } else if (transfer_->Expired(ticks_) && !KAPPA_MUTANT(kTransferNeverEnds)) {
    context.EndTransfer(TransferResult::kTimedOut);
    transfer_.reset();
    return by_impairment &&
           (impairment == Impairment::kSlow || impairment == Impairment::kHung);
  }
  if (transfer_ && by_impairment && target != nullptr && !target->fit() &&
      !KAPPA_MUTANT(kUnfitSuccessor)) {
    // It has said meanwhile that it is no better.
    context.EndTransfer(TransferResult::kAborted);
    transfer_.reset();
    return TickHandOver(context, nodes, impairment, /*may_hand_over=*/true);
  }
  return false;
}

// Where nobody asked for it: because of the own disk, or for another's
// priority. Returns true if the leader must step down.
bool Leader::TickHandOver(Context& context, const NodeLiveness& nodes,
                          Impairment impairment, bool may_hand_over) {
  if (!may_hand_over && impairment != Impairment::kHung) return false;
  if (impairment != Impairment::kNone) {
    const std::vector<Successor> successors = Successors(context, nodes);
    if (std::optional<ReplicaId> best = BestSuccessor(successors)) {
      BeginTransfer(context, *best, /*by_impairment=*/true);
      return false;
    }
    if (impairment == Impairment::kFull) return false;
    // On a disk that is slow, and not hung, it leads on where all others are no
    // better: else a group whose disks are all slow had no leader.
    if (impairment == Impairment::kSlow && AnyVoterActive(successors)) {
      return false;
    }
    return HasOtherVoter(context.configuration(), context.self());
  }
  if (ticks_since_beat_ != 0 ||
      context.options().priority == CoreOptions::kPriorityMax) {
    return false;
  }
  if (std::optional<ReplicaId> better = watches().priorities.Beat(
          Successors(context, nodes), context.options().priority,
          context.committed(), ticks_, context.options().election_ticks)) {
    BeginTransfer(context, *better, /*by_impairment=*/false);
  }
  return false;
}

// Whether the target is to be called now.
bool Leader::CallDue(const Context& context) const {
  if (!transfer_) return false;
  const PeerProgress* peer = replicator_.Find(transfer_->target());
  return peer != nullptr &&
         transfer_->Due(peer->match(), context.log().last().index);
}

void Leader::Call(Context& context, ReplicaId successor) {
  Message call = context.NewMessage(MessageType::kTimeoutNow, successor);
  call.beat = ticks_;
  context.Send(std::move(call));
  // Voters listen to the called one for an election time after this, whatever
  // they promised.
  if (!KAPPA_MUTANT(kLeaseOutlivesTransfer)) {
    contact_.NoLeaseBefore(ticks_ + context.options().election_ticks);
  }
}

// Everybody was sent the commit of the configuration without this leader; the
// best voter is called. Returns true: the leader must step down.
bool Leader::Leave(Context& context, const NodeLiveness& nodes) {
  if (std::optional<ReplicaId> best =
          BestSuccessor(Successors(context, nodes))) {
    Call(context, *best);
  }
  return true;
}

// --- sleep ---

// Whether there is nothing to do for anybody who is there (RAFT.md 22).
bool Leader::Idle(const Context& context, const NodeLiveness& nodes) const {
  const LogIndex last = context.log().last().index;
  const Configuration& present = context.configuration();
  if (context.committed() != last || !context.persists().idle() ||
      !context.damaged().empty() || !reads_.empty() || transfer_ || leaving_ ||
      present.joint()) {
    return false;
  }
  for (ReplicaId learner : present.promoting) {
    if (nodes.alive(learner.node)) return false;
  }
  if (KAPPA_MUTANT(kQuiesceUnfinished)) return true;
  for (const PeerProgress& peer : replicator_.peers()) {
    if (nodes.alive(peer.id().node) &&
        (peer.match() != last || peer.told_committed() != last)) {
      return false;
    }
  }
  return true;
}

bool Leader::AsksToSleep(const Context& context) const {
  const uint32_t quiesce_ticks = context.options().quiesce_ticks;
  // What came since the last tick is seen by the log's end.
  return quiesce_ticks > 0 && ticks_ >= quiesce_.AsksFrom(quiesce_ticks) &&
         context.committed() == context.log().last().index;
}

bool Leader::TickSleep(const Context& context, const NodeLiveness& nodes) {
  const uint32_t quiesce_ticks = context.options().quiesce_ticks;
  if (quiesce_ticks == 0) return false;
  if (!Idle(context, nodes)) {
    quiesce_.RecordBusy(ticks_);
    return false;
  }
  const uint64_t asks_from = quiesce_.AsksFrom(quiesce_ticks);
  if (ticks_ < asks_from) return false;
  for (const PeerProgress& peer : replicator_.peers()) {
    if (nodes.alive(peer.id().node) && peer.acknowledged_beat() < asks_from) {
      return false;
    }
  }
  return true;
}

void Leader::Sleep() {
  beat_due_ = false;
  watches_.reset();
  contact_.NoLeaseBefore(ticks_ + 1);
}

void Leader::Wake() {
  beat_due_ = true;
  ticks_since_beat_ = 0;
  contact_.Restart(ticks_ + 1);
  quiesce_.RecordBusy(ticks_ + 1);
}

}  // namespace kappa::raft
