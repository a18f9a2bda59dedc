#include "raft/core.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "raft/candidate.h"
#include "raft/context.h"
#include "raft/donor.h"
#include "raft/entry_repair.h"
#include "raft/follower.h"
#include "raft/leader.h"
#include "raft/log_start.h"
#include "raft/quorum.h"

namespace kappa::raft {
namespace {

// This replica does not lead.
void RefuseReadRequest(Context& context, const Message& request) {
  Message response =
      context.NewMessage(MessageType::kReadResponse, request.from);
  response.read_id = request.read_id;
  response.read_instance = request.read_instance;
  context.Send(std::move(response));
}

bool HasOtherVoter(const Configuration& configuration, ReplicaId self) {
  for (ReplicaId member : Members(configuration)) {
    if (member != self && IsVoter(configuration, member)) return true;
  }
  return false;
}

}  // namespace

// The context and the present role; only here is a role replaced.
struct Core::State {
  State(const CoreOptions& options, RestoredState restored)
      : context(options, std::move(restored)),
        role(std::in_place_type<Follower>, context.DrawElectionTicks()),
        checked_term(context.term()),
        checked_committed(context.committed()) {}

  Leader* leader() { return std::get_if<Leader>(&role); }
  Candidate* candidate() { return std::get_if<Candidate>(&role); }
  Follower* follower() { return std::get_if<Follower>(&role); }

  // Refuses the reads that wait in the present role.
  void LeaveRole() {
    if (leader() != nullptr) leader()->Resign(context);
    if (follower() != nullptr) follower()->Resign(context);
  }

  void BecomeFollower() {
    LeaveRole();
    role.emplace<Follower>(context.DrawElectionTicks());
    context.NoteRoleChange();
  }

  void BecomeLeader() {
    context.SetLeader(context.self());
    role.emplace<Leader>(context);
    context.NoteRoleChange();
  }

  void Campaign();
  void StepInTerm(const Message& message);
  void StepBesidesElections(const Message& message);
  void AnswerStale(const Message& message);
  void TickRepair();
  void FinishElection(VoteResult result) {
    if (result == VoteResult::kWon) BecomeLeader();
    if (result == VoteResult::kLost) BecomeFollower();
  }

  Context context;
  std::variant<Follower, Candidate, Leader> role;
  std::unique_ptr<EntryRepair> repair;  // while entries are damaged
  // What CheckInvariants saw last.
  mutable Term checked_term;
  mutable LogIndex checked_committed;
};

void Core::State::Campaign() {
  if (leader() != nullptr ||
      !IsVoter(context.configuration(), context.self())) {
    return;
  }
  LeaveRole();
  context.EnterTerm(context.term().Next());
  if (Members(context.configuration()).size() == 1) {
    // Nobody else can be elected or told of the term, so vote and no-op may
    // become durable together; a crash before that takes both, unseen.
    context.VoteFor(context.self());
    BecomeLeader();
    return;
  }
  role.emplace<Candidate>(context);
  context.NoteRoleChange();
}

void Core::State::StepInTerm(const Message& message) {
  switch (message.type) {
    case MessageType::kVoteRequest:
      if (follower() != nullptr) {
        follower()->OnVoteRequest(context, message);
      } else {
        AnswerVoteRequest(context, message);
      }
      return;
    case MessageType::kVoteResponse:
      if (candidate() != nullptr) {
        FinishElection(candidate()->OnVoteResponse(context, message));
      }
      return;
    case MessageType::kAppendRequest:
      // There is one leader in a term, so a leader gets none.
      if (candidate() != nullptr) BecomeFollower();
      if (follower() != nullptr) follower()->OnAppendRequest(context, message);
      return;
    case MessageType::kAppendResponse:
      if (leader() != nullptr) leader()->OnAppendResponse(context, message);
      return;
    default:
      StepBesidesElections(message);
      return;
  }
}

// What concerns entries, bases and reads.
void Core::State::StepBesidesElections(const Message& message) {
  switch (message.type) {
    case MessageType::kBaseRequest:
      if (candidate() != nullptr) BecomeFollower();
      if (follower() != nullptr) follower()->OnBaseRequest(context, message);
      return;
    case MessageType::kBaseResponse:
      if (leader() != nullptr) leader()->OnBaseResponse(context, message);
      return;
    case MessageType::kFetchRequest:
      AnswerFetchRequest(context, message);
      return;
    case MessageType::kFetchResponse:
      if (follower() != nullptr) follower()->OnFetchResponse(context, message);
      return;
    case MessageType::kRepairRequest:
      AnswerRepairRequest(context, message);
      return;
    case MessageType::kRepairResponse:
      if (repair != nullptr) repair->OnRepairResponse(context, message);
      return;
    case MessageType::kReadRequest:
      if (leader() != nullptr) {
        leader()->OnReadRequest(context, message);
      } else {
        RefuseReadRequest(context, message);
      }
      return;
    case MessageType::kReadResponse:
      if (follower() != nullptr) follower()->OnReadResponse(context, message);
      return;
    default:
      return;
  }
}

// A damaged entry is looked for in every role; a leader that does not find an
// equal one within an election time makes room for another (RELIABILITY.md S7).
void Core::State::TickRepair() {
  if (repair == nullptr) return;
  repair->Tick(context, [&](ReplicaId replica, LogIndex index) {
    return leader() == nullptr || leader()->HeldBy(replica, index);
  });
  if (context.damaged().empty()) {
    repair.reset();
  } else if (leader() != nullptr &&
             repair->waited_ticks() >= context.options().election_ticks &&
             HasOtherVoter(context.configuration(), context.self())) {
    context.SetLeader(std::nullopt);
    BecomeFollower();
  }
}

// Tells the sender of a request that its term is over.
void Core::State::AnswerStale(const Message& message) {
  if (message.type == MessageType::kVoteRequest) {
    context.Send(context.NewMessage(MessageType::kVoteResponse, message.from));
  } else if (message.type == MessageType::kAppendRequest ||
             message.type == MessageType::kBaseRequest) {
    context.Send(
        context.NewMessage(MessageType::kAppendResponse, message.from));
  } else if (message.type == MessageType::kFetchRequest) {
    context.Send(context.NewMessage(MessageType::kFetchResponse, message.from));
  } else if (message.type == MessageType::kRepairRequest) {
    context.Send(
        context.NewMessage(MessageType::kRepairResponse, message.from));
  } else if (message.type == MessageType::kReadRequest) {
    RefuseReadRequest(context, message);
  }
}

Core::Core(CoreOptions options, RestoredState restored)
    : state_(std::make_unique<State>(options, std::move(restored))) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;

void Core::Tick() {
  state_->context.ReleaseSpare();
  state_->TickRepair();
  if (state_->leader() != nullptr) {
    state_->leader()->Tick(state_->context);
    return;
  }
  const bool due = state_->follower() != nullptr
                       ? state_->follower()->Tick(state_->context)
                       : state_->candidate()->Tick();
  if (due) state_->Campaign();
}

void Core::Step(const Message& message) {
  Context& context = state_->context;
  if (message.to != context.self() || message.from == context.self() ||
      message.group != context.options().group) {
    return;
  }
  if (message.term < context.term()) {
    state_->AnswerStale(message);
    return;
  }
  if (message.term > context.term()) {
    context.EnterTerm(message.term);
    state_->BecomeFollower();
  }
  state_->StepInTerm(message);
}

void Core::Campaign() { state_->Campaign(); }

absl::StatusOr<EntryId> Core::Propose(EntryKind kind, uint32_t record_count,
                                      uint64_t payload_bytes,
                                      EntryHandle handle) {
  if (state_->leader() == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "propose in term ", term().value(), ": this replica does not lead"));
  }
  return state_->leader()->Propose(state_->context, kind, record_count,
                                   payload_bytes, handle);
}

absl::Status Core::InstallBase(const LogBase& base) {
  if (state_->follower() == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("install base at index ", base.id.index.value(),
                     ": only a follower's log is replaced"));
  }
  return ReplaceLog(state_->context, base);
}

absl::Status Core::TrimTo(const LogBase& base) {
  absl::Status status = TrimLog(state_->context, base);
  if (status.ok() && state_->leader() != nullptr) {
    state_->leader()->OnTrimmed(state_->context);
  }
  return status;
}

void Core::OnEntryDamaged(LogIndex index, const Digest& chain) {
  Context& context = state_->context;
  if (index <= context.log().base().index ||
      index > context.log().last().index) {
    return;
  }
  context.MarkDamaged(index, chain);
  if (state_->repair == nullptr) {
    state_->repair = std::make_unique<EntryRepair>();
  }
}

void Core::OnPersisted(const PersistToken& token) {
  Context& context = state_->context;
  if (token.term != context.term() || !context.CompletePersist(token)) return;
  if (state_->leader() != nullptr) {
    state_->leader()->OnDurable(context);
  } else if (state_->candidate() != nullptr) {
    state_->FinishElection(state_->candidate()->OnDurable(context));
  } else {
    state_->follower()->OnDurable(context);
  }
}

void Core::OnDiskHealth(DiskHealth health) {
  state_->context.SetDiskFull(health == DiskHealth::kFull);
}

void Core::OnReadRequested(uint64_t id) {
  if (state_->leader() != nullptr) {
    state_->leader()->OnReadRequested(state_->context, id);
  } else if (state_->follower() != nullptr) {
    state_->follower()->OnReadRequested(state_->context, id);
  } else {
    state_->context.RefuseRead(id);
  }
}

Output Core::TakeOutput() {
  if (state_->leader() != nullptr) {
    state_->leader()->SendPending(state_->context);
  } else if (state_->follower() != nullptr) {
    state_->follower()->SendPending(state_->context);
  }
  return state_->context.TakeOutput();
}

bool Core::HasOutput() const {
  return state_->context.HasOutput() ||
         (state_->leader() != nullptr &&
          state_->leader()->HasPending(state_->context)) ||
         (state_->follower() != nullptr && state_->follower()->HasPending());
}

Role Core::role() const {
  if (state_->leader() != nullptr) return Role::kLeader;
  if (state_->candidate() != nullptr) return Role::kCandidate;
  return IsVoter(configuration(), state_->context.self()) ? Role::kFollower
                                                          : Role::kLearner;
}

Term Core::term() const { return state_->context.term(); }
std::optional<ReplicaId> Core::leader() const {
  return state_->context.leader();
}
EntryId Core::last() const { return state_->context.log().last(); }
LogIndex Core::committed() const { return state_->context.committed(); }
LogIndex Core::durable() const { return state_->context.durable(); }
LogIndex Core::readable() const { return std::min(committed(), durable()); }
EntryId Core::base() const { return state_->context.log().base(); }
const Configuration& Core::configuration() const {
  return state_->context.configuration();
}

uint64_t Core::uncommitted_bytes() const {
  return state_->leader() == nullptr ? 0
                                     : state_->leader()->uncommitted_bytes();
}

LogIndex Core::leader_term_start() const {
  return state_->leader() == nullptr ? LogIndex(0)
                                     : state_->leader()->term_start();
}

std::optional<Term> Core::TermAt(LogIndex index) const {
  return state_->context.log().TermAt(index);
}

std::vector<LogIndex> Core::damaged() const {
  std::vector<LogIndex> indexes;
  for (const DamagedEntry& damaged : state_->context.damaged().entries()) {
    indexes.push_back(damaged.id.index);
  }
  return indexes;
}

std::vector<PeerStatus> Core::peers() const {
  if (state_->leader() == nullptr) return {};
  return state_->leader()->Peers(state_->context);
}

void Core::CheckInvariants() const {
  const Context& context = state_->context;
  context.CheckInvariants();
  KAPPA_CHECK(context.term() >= state_->checked_term, "terms only grow");
  KAPPA_CHECK(context.committed() >= state_->checked_committed,
              "committed only grows");
  state_->checked_term = context.term();
  state_->checked_committed = context.committed();
  if (state_->leader() != nullptr) {
    state_->leader()->CheckInvariants(context);
  } else {
    KAPPA_CHECK(context.leader() != context.self(), "leads without the role");
  }
  if (state_->candidate() != nullptr) {
    KAPPA_CHECK(context.vote() == context.self(), "a candidate's own vote");
  }
  if (Members(context.configuration()).size() == 1 &&
      IsVoter(context.configuration(), context.self())) {
    KAPPA_CHECK(context.committed() <= context.durable() ||
                    context.committed() == context.log().base().index,
                "a single voter commits by its own disk only");
  }
}

}  // namespace kappa::raft
