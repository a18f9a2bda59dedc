#include "raft/pre_candidate.h"

#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"

namespace kappa::raft {

PreCandidate::PreCandidate(Context& context)
    : election_ticks_(context.DrawElectionTicks()) {
  if (!KAPPA_MUTANT(kPreCandidateKeepsLeader)) context.SetLeader(std::nullopt);
  tally_.Record(context.self(), true);
  for (ReplicaId member : Members(context.configuration())) {
    if (context.IsSelf(member) || !IsVoter(context.configuration(), member)) {
      continue;
    }
    Message request = context.NewMessage(MessageType::kPreVoteRequest, member);
    request.last = context.log().last();
    context.Send(std::move(request));
  }
}

VoteResult PreCandidate::OnPreVoteResponse(const Context& context,
                                           const Message& response) {
  tally_.Record(response.from, response.granted);
  return tally_.Result(context.configuration());
}

void AnswerPreVoteRequest(Context& context, const Message& request,
                          bool loyal) {
  Message response =
      context.NewMessage(MessageType::kPreVoteResponse, request.from);
  response.granted =
      !loyal && request.term >= context.term() &&
      (KAPPA_MUTANT(kStaleLogElected) || request.last >= context.log().last());
  context.Send(std::move(response));
}

}  // namespace kappa::raft
