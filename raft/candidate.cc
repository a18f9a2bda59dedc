#include "raft/candidate.h"

#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {

Candidate::Candidate(Context& context)
    : election_ticks_(context.DrawElectionTicks()) {
  KAPPA_CHECK(IsVoter(context.configuration(), context.self()),
              "only voters are candidates");
  vote_sequence_ = context.VoteFor(context.self());
  for (ReplicaId member : Members(context.configuration())) {
    if (context.IsSelf(member) || !IsVoter(context.configuration(), member)) {
      continue;
    }
    Message request = context.NewMessage(MessageType::kVoteRequest, member);
    request.last = context.log().last();
    context.SendAfterDurable(std::move(request));
  }
}

VoteResult Candidate::OnVoteResponse(const Context& context,
                                     const Message& response) {
  tally_.Record(response.from, response.granted);
  return tally_.Result(context.configuration());
}

VoteResult Candidate::OnDurable(const Context& context) {
  if (context.persists().completed_sequence() >= vote_sequence_) {
    tally_.Record(context.self(), true);
  }
  return tally_.Result(context.configuration());
}

}  // namespace kappa::raft
