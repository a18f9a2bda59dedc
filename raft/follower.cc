#include "raft/follower.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "raft/base_receiver.h"
#include "raft/damaged_entries.h"
#include "raft/mutant.h"
#include "raft/received_entries.h"

namespace kappa::raft {
namespace {

// How many term starts a refusal carries: the leader skips that many terms in
// one round trip.
constexpr size_t kTermStartsMax = 128;

void Refuse(Context& context, const Message& request) {
  const TermTable& log = context.log();
  const LogIndex end =
      std::min(log.last().index, request.previous.index.Previous());
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.previous = request.previous;
  response.last = EntryId{log.TermAt(end).value_or(Term(0)), end};
  response.term_starts = log.StartsUpTo(end, kTermStartsMax);
  response.read_round = request.read_round;
  response.beat = request.beat;
  context.Send(std::move(response));
}

// The disk takes no entries; the leader asks again in a while.
void RefuseForSpace(Context& context, const Message& request) {
  context.CommitUpTo(std::min(request.committed, request.previous.index));
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.previous = request.previous;
  response.last = request.previous;
  response.full = true;
  response.read_round = request.read_round;
  response.beat = request.beat;
  context.Send(std::move(response));
}

}  // namespace

bool AnswerVoteRequest(Context& context, const Message& request, bool loyal) {
  const bool free = !context.vote() || *context.vote() == request.from ||
                    KAPPA_MUTANT(kVoteTwice);
  const bool up_to_date =
      request.last >= context.log().last() || KAPPA_MUTANT(kStaleLogElected);
  Message response =
      context.NewMessage(MessageType::kVoteResponse, request.from);
  response.granted = free && up_to_date && !loyal;
  if (request.doubted.term != Term(0)) {
    response.doubted = request.doubted;
    response.holding =
        HoldingOf(context.log(), context.damaged(), request.doubted);
  }
  if (!response.granted) {
    // "I lack it" promises not to take it from an older leader, so the term
    // must be durable.
    if (response.holding == Holding::kLacks) {
      context.SendAfterDurable(std::move(response));
    } else {
      context.Send(std::move(response));
    }
    return false;
  }
  if (!context.vote() || KAPPA_MUTANT(kVoteTwice)) {
    context.VoteFor(request.from);
  }
  if (KAPPA_MUTANT(kVoteAfterReply)) {
    context.Send(std::move(response));
  } else {
    context.SendAfterDurable(std::move(response));
  }
  return true;
}

bool Follower::Tick(Context& context) {
  reads_.Tick(context);
  if (catch_up_ != nullptr) catch_up_->Tick(context);
  if (grace_ticks_ > 0) {
    --grace_ticks_;
    return false;
  }
  return ++waited_ticks_ >= election_ticks_;
}

void Follower::OnAppendRequest(Context& context, const Message& request) {
  if (!WellFormed(request)) return;
  waited_ticks_ = 0;
  grace_ticks_ = 0;
  context.SetLeader(request.from);
  if (!Holds(context.log(), request.previous) &&
      !(KAPPA_MUTANT(kPreviousUnchecked) &&
        request.previous.index <= context.log().last().index)) {
    Refuse(context, request);
    return;
  }
  if (context.disk_full() && !KAPPA_MUTANT(kFullDiskAccepted) &&
      !request.entries.empty() &&
      !Holds(context.log(), request.entries.back().id)) {
    RefuseForSpace(context, request);
    return;
  }
  if (!TakeEntries(context, request)) return;
  const LogIndex verified =
      std::max(request.previous.index + request.entries.size(),
               context.log().base().index);
  // Not the leader's commit alone: what lies beyond `verified` may conflict
  // (RAFT.md 16).
  context.CommitUpTo(
      std::min(request.committed, KAPPA_MUTANT(kLeaderCommitTaken)
                                      ? context.log().last().index
                                      : verified));
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.granted = true;
  response.previous = request.previous;
  response.match = context.CountsUpTo(verified);
  response.read_round = request.read_round;
  response.beat = request.beat;
  if (verified > context.durable() && !KAPPA_MUTANT(kAckBeforeDurable)) {
    context.SendAfterDurable(std::move(response));
  } else {
    context.Send(std::move(response));
  }
  FollowDonor(context, request, verified);
}

void Follower::FollowDonor(Context& context, const Message& request,
                           LogIndex verified) {
  if (!request.donor || context.IsSelf(*request.donor)) {
    catch_up_.reset();
    return;
  }
  const EntryId shared{*context.log().TermAt(verified), verified};
  if (catch_up_ == nullptr) {
    catch_up_ = std::make_unique<CatchUp>(*request.donor, shared);
  }
  catch_up_->OnHeartbeat(context, *request.donor, shared);
}

void Follower::OnBaseRequest(Context& context, const Message& request) {
  waited_ticks_ = 0;
  grace_ticks_ = 0;
  context.SetLeader(request.from);
  TakeBaseRequest(context, request);
}

void Follower::OnFetchResponse(Context& context, const Message& response) {
  if (catch_up_ != nullptr) catch_up_->OnFetchResponse(context, response);
}

void Follower::OnDurable(Context& context) {
  if (catch_up_ != nullptr) catch_up_->OnDurable(context);
}

void Follower::OnReadRequested(Context& context, uint64_t id) {
  if (context.leader()) {
    reads_.Add(id);
  } else {
    context.RefuseRead(id);
  }
}

}  // namespace kappa::raft
