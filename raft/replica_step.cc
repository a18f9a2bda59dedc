// Replica: what each message does, and to whose term.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "raft/donor.h"
#include "raft/mutant.h"
#include "raft/quorum.h"
#include "raft/replica.h"

namespace kappa::raft {
namespace {

// Whether a message of a later term ends the receiver's. What anybody may ask
// anybody does not: a replica that was removed, or cut off, would disturb the
// others with the terms it counted up alone (RAFT.md 28).
bool RaisesTerm(MessageType type) {
  switch (type) {
    case MessageType::kVoteRequest:
    case MessageType::kVoteResponse:
    case MessageType::kAppendRequest:
    case MessageType::kAppendResponse:
    case MessageType::kTimeoutNow:
    case MessageType::kBaseRequest:
    case MessageType::kBaseResponse:
    case MessageType::kFetchResponse:
    case MessageType::kRepairResponse:
    case MessageType::kReadResponse:
      return true;
    case MessageType::kPreVoteRequest:
    case MessageType::kPreVoteResponse:
    case MessageType::kFetchRequest:
    case MessageType::kRepairRequest:
    case MessageType::kReadRequest:
    case MessageType::kLeaderQuery:
      return false;
  }
  return false;
}

// This replica does not lead.
void RefuseReadRequest(Context& context, const Message& request) {
  Message response =
      context.NewMessage(MessageType::kReadResponse, request.from);
  response.read_id = request.read_id;
  response.read_instance = request.read_instance;
  context.Send(std::move(response));
}

}  // namespace

void Replica::Step(const Message& message) {
  const bool addressed = message.to == context_.self() ||
                         (KAPPA_MUTANT(kOldIncarnationAccepted) &&
                          message.to.node == context_.self().node);
  if (halted_ || !addressed || message.from == context_.self() ||
      message.group != context_.group()) {
    return;
  }
  if (Wakes(message)) Wake();
  if (StepInAnyTerm(message)) return;
  if (message.term < context_.term()) {
    AnswerStale(message);
    return;
  }
  if (message.term > context_.term() && RaisesTerm(message.type)) {
    EnterTermOf(message);
  }
  StepInTerm(message);
}

// What a member says wakes a sleeping replica, unless it is no news: an answer
// to a beat before the sleep, or a question that is for the leader only.
bool Replica::Wakes(const Message& message) const {
  if (!asleep_) return false;
  if (message.type == MessageType::kAppendRequest ||
      message.type == MessageType::kBaseRequest) {
    return true;
  }
  if (message.type == MessageType::kAppendResponse && message.granted) {
    return false;
  }
  if (message.type == MessageType::kLeaderQuery && leader() == nullptr) {
    return false;
  }
  const std::vector<ReplicaId> members = Members(context_.configuration());
  return std::binary_search(members.begin(), members.end(), message.from);
}

// A follower goes on waiting where it was when a mere candidate raises the
// term: else one that cannot win, but stands sooner, would keep all others from
// standing for ever.
void Replica::EnterTermOf(const Message& message) {
  context_.EnterTerm(message.term);
  if (follower() == nullptr || message.type != MessageType::kVoteRequest) {
    BecomeFollower();
    return;
  }
  follower()->EnterTerm(context_);
  // Also if it comes from one that was removed: there is no leader now to sleep
  // under.
  Wake();
  context_.NoteRoleChange();
}

// --- elections ---

// Whether this replica keeps to the leader that it heard, or is itself, and so
// helps nobody to replace it.
bool Replica::Loyal() const {
  if (!context_.options().check_quorum || KAPPA_MUTANT(kStickinessIgnored)) {
    return false;
  }
  return leader() != nullptr || contact_.recent();
}

// In term 1 there was no leader before, so nobody is replaced: a fresh group
// need not wait, whatever its replicas assume after a start.
bool Replica::LoyalAgainst(const Message& request) const {
  return request.term > Term(1) && Loyal() &&
         !contact_.CalledByLeader(request, context_.options().election_ticks);
}

// What neither depends on the receiver's term nor changes it. Returns whether
// the message was of that kind.
bool Replica::StepInAnyTerm(const Message& message) {
  switch (message.type) {
    case MessageType::kPreVoteRequest:
      if (KAPPA_MUTANT(kPreVoteOfLowerTermMuted) &&
          message.term < context_.term()) {
        return true;
      }
      if (KAPPA_MUTANT(kTermRaisedByPreVote) &&
          message.term > context_.term()) {
        context_.EnterTerm(message.term);
        BecomeFollower();
      }
      if (message.last < context_.log().last()) counted_on_ = true;
      AnswerPreVoteRequest(context_, message, leader() != nullptr || Loyal());
      return true;
    case MessageType::kPreVoteResponse:
      StepPreVoteResponse(message);
      return true;
    case MessageType::kVoteRequest:
      // Its term is not adopted either; silence, since a refusal of an older
      // term says nothing.
      return message.term > context_.term() && LoyalAgainst(message);
    case MessageType::kLeaderQuery:
      if (leader() != nullptr) leader()->OnLeaderQuery(message);
      return true;
    default:
      return false;
  }
}

void Replica::StepPreVoteResponse(const Message& message) {
  if (pre_candidate() == nullptr) return;
  if (message.term <= context_.term()) {
    FinishPreElection(pre_candidate()->OnPreVoteResponse(context_, message));
  } else if (!message.granted) {
    context_.EnterTerm(message.term);
    BecomeFollower();
  }
}

void Replica::StepVoteRequest(const Message& message) {
  if (message.last < context_.log().last()) counted_on_ = true;
  if (!AnswerVoteRequest(context_, message, LoyalAgainst(message))) {
    LetGoFirst(message);
    return;
  }
  // Only a vote that is given away postpones an election of one's own.
  if (follower() != nullptr) {
    follower()->Wait();
  } else {
    BecomeFollower();
  }
}

// A candidate with a newer log came too late for this replica's vote, which it
// has itself. One of lower priority, whom nobody asks for its vote, would come
// too late each time: only the refusal tells it the term. So it gets the time
// to stand in the next one, whatever its priority (StandTicks). In that one it
// has this replica's vote, so there is such a wait once a term and rival.
void Replica::LetGoFirst(const Message& request) {
  if (context_.vote() != context_.self() || context_.leader() ||
      request.last <= context_.log().last()) {
    return;
  }
  const uint32_t ticks = 2 * context_.options().election_ticks;
  if (candidate() != nullptr) candidate()->Wait(ticks);
  if (follower() != nullptr) follower()->Wait(ticks);
}

void Replica::StepVoteResponse(const Message& message) {
  if (candidate() == nullptr) return;
  const VoteResult result = candidate()->OnVoteResponse(context_, message);
  if (message.holding == Holding::kHolds && repair_ != nullptr) {
    repair_->AskNext(message.from);
  }
  if (!context_.damaged().empty()) GiveUpDoubted();
  if (candidate() != nullptr) FinishElection(result);
}

void Replica::StepTimeoutNow(const Message& message) {
  const bool fit =
      impairment() == Impairment::kNone || KAPPA_MUTANT(kImpairedObeysCall);
  if (leader() != nullptr || candidate() != nullptr || !fit || !MayLead() ||
      !IsVoter(context_.configuration(), context_.self()) ||
      !contact_.StillCalls(message, context_.options().election_ticks)) {
    return;
  }
  const Message call = message;
  BecomeCandidate(&call);
}

// A request that only the leader of the term sends. There is one leader in a
// term, so a leader gets none.
void Replica::HearLeader(const Message& message) {
  if (leader() != nullptr) return;
  counted_on_ = false;
  contact_.Hear(message.term, message.beat, context_.options().election_ticks);
  if (follower() == nullptr) BecomeFollower();
}

void Replica::StepInTerm(const Message& message) {
  switch (message.type) {
    case MessageType::kVoteRequest:
      StepVoteRequest(message);
      return;
    case MessageType::kVoteResponse:
      StepVoteResponse(message);
      return;
    case MessageType::kAppendRequest:
      HearLeader(message);
      if (follower() != nullptr) {
        follower()->OnAppendRequest(context_, message);
        asleep_ = MaySleepAsFollower(message);
      }
      return;
    case MessageType::kAppendResponse:
      if (leader() != nullptr) leader()->OnAppendResponse(context_, message);
      return;
    case MessageType::kTimeoutNow:
      StepTimeoutNow(message);
      return;
    default:
      StepBesidesElections(message);
      return;
  }
}

// --- entries, bases, reads ---

void Replica::StepBesidesElections(const Message& message) {
  switch (message.type) {
    case MessageType::kBaseRequest:
      HearLeader(message);
      if (follower() != nullptr) follower()->OnBaseRequest(context_, message);
      return;
    case MessageType::kBaseResponse:
      if (leader() != nullptr) leader()->OnBaseResponse(context_, message);
      return;
    case MessageType::kFetchRequest:
      AnswerFetchRequest(context_, message);
      return;
    case MessageType::kFetchResponse:
      if (follower() != nullptr) follower()->OnFetchResponse(context_, message);
      return;
    case MessageType::kRepairRequest:
      AnswerRepairRequest(context_, message);
      return;
    case MessageType::kRepairResponse:
      if (repair_ != nullptr) repair_->OnRepairResponse(context_, message);
      return;
    case MessageType::kReadRequest:
      if (leader() != nullptr) {
        leader()->OnReadRequest(context_, message);
      } else {
        RefuseReadRequest(context_, message);
      }
      return;
    case MessageType::kReadResponse:
      if (follower() != nullptr) follower()->OnReadResponse(context_, message);
      return;
    default:
      return;
  }
}

// Tells the sender of a request that its term is over.
void Replica::AnswerStale(const Message& message) {
  std::optional<MessageType> answer;
  switch (message.type) {
    case MessageType::kVoteRequest:
      answer = MessageType::kVoteResponse;
      break;
    case MessageType::kAppendRequest:
    case MessageType::kBaseRequest:
      answer = MessageType::kAppendResponse;
      break;
    case MessageType::kFetchRequest:
      answer = MessageType::kFetchResponse;
      break;
    case MessageType::kRepairRequest:
      answer = MessageType::kRepairResponse;
      break;
    case MessageType::kReadRequest:
      RefuseReadRequest(context_, message);
      return;
    default:
      return;
  }
  context_.Send(context_.NewMessage(*answer, message.from));
}

}  // namespace kappa::raft
