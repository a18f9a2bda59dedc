#include "raft/candidate.h"

#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"

namespace kappa::raft {

Candidate::Candidate(Context& context, const Message* call)
    : election_ticks_(context.DrawElectionTicks()),
      doubted_(context.damaged().lowest()) {
  vote_sequence_ = context.VoteFor(context.self());
  for (ReplicaId member : Members(context.configuration())) {
    if (context.IsSelf(member) || !IsVoter(context.configuration(), member)) {
      continue;
    }
    Message request = context.NewMessage(MessageType::kVoteRequest, member);
    request.last = context.log().last();
    request.doubted = doubted_;
    if (call != nullptr) {
      request.transfer = true;
      request.beat = call->beat;
    }
    if (KAPPA_MUTANT(kCandidateCountsOwnEarly)) {
      context.Send(std::move(request));
    } else {
      context.SendAfterDurable(std::move(request));
    }
  }
}

VoteResult Candidate::OnVoteResponse(const Context& context,
                                     const Message& response) {
  if (KAPPA_MUTANT(kCandidateCountsOwnEarly)) {
    tally_.Record(context.self(), true);
  }
  tally_.Record(response.from, response.granted);
  if (response.holding != Holding::kUnknown && response.doubted == doubted_) {
    lacking_.Record(response.from, response.holding == Holding::kLacks);
  }
  return tally_.Result(context.configuration());
}

VoteResult Candidate::OnDurable(const Context& context) {
  if (context.persists().completed_sequence() >= vote_sequence_) {
    tally_.Record(context.self(), true);
  }
  return tally_.Result(context.configuration());
}

bool Candidate::MajorityLacks(const Context& context) const {
  if (doubted_.term == Term(0)) return false;
  if (KAPPA_MUTANT(kGiveUpWithoutMajority) && lacking_.AnyGranted())
    return true;
  return lacking_.Result(context.configuration()) == VoteResult::kWon;
}

}  // namespace kappa::raft
