#include "raft/replica.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"
#include "raft/quorum.h"

namespace kappa::raft {
namespace {

// Election times between two hand-overs that nobody asked for.
constexpr uint32_t kHandOverPause = 8;
static_assert(kHandOverPause * CoreSettings::kElectionTicksMax <=
              std::numeric_limits<uint16_t>::max());

// Ticks without a leader after which a follower stands. Each step of priority
// below the highest waits half an election time longer.
uint32_t StandTicks(Context& context) {
  const CoreSettings& options = context.options();
  const uint32_t drawn = context.DrawElectionTicks();
  if (options.priority == 0 &&
      HasOtherVoter(context.configuration(), context.self())) {
    return std::numeric_limits<uint32_t>::max();
  }
  const uint32_t steps = CoreOptions::kPriorityMax - options.priority;
  return drawn + steps * options.election_ticks / 2;
}

// The first term that no election can have come to without a recovery. Others
// may have led in terms that this replica never heard of, and their entries in
// those terms must not meet different ones of the same ids; but no group counts
// up 2^32 terms by elections.
std::optional<Term> TermOfNextEpoch(Term term) {
  if (KAPPA_MUTANT(kRecoveryReusesTerm)) return term.Next();
  const uint64_t epoch = term.value() >> 32;
  if (epoch == std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return Term((epoch + 1) << 32);
}

}  // namespace

Replica::Replica(const CoreIdentity& identity,
                 std::shared_ptr<const CoreSettings> settings,
                 RestoredState restored)
    : context_(identity, std::move(settings), std::move(restored)),
      role_(std::make_unique<Follower>(StandTicks(context_))),
      contact_(context_.options().election_ticks,
               context_.options().lease_ticks > 0),
      checked_term_(context_.term()),
      checked_committed_(context_.committed()) {
  const CoreSettings& options = context_.options();
  KAPPA_CHECK(options.election_ticks <= CoreOptions::kElectionTicksMax,
              "an election time");
  KAPPA_CHECK(options.priority <= CoreOptions::kPriorityMax, "a priority");
  KAPPA_CHECK(options.lease_ticks == 0 || options.check_quorum,
              "leases rest on the quorum check");
  KAPPA_CHECK(options.lease_ticks < options.election_ticks,
              "a lease ends before an election can");
}

Role Replica::role() const {
  if (leader() != nullptr) return Role::kLeader;
  if (As<Candidate>() != nullptr) return Role::kCandidate;
  if (As<PreCandidate>() != nullptr) return Role::kPreCandidate;
  return IsVoter(context_.configuration(), context_.self()) ? Role::kFollower
                                                            : Role::kLearner;
}

// --- roles ---

// Refuses the reads that wait in the present role.
void Replica::LeaveRole() {
  asleep_ = false;
  if (leader() != nullptr) leader()->Resign(context_);
  if (follower() != nullptr) follower()->Resign(context_);
}

void Replica::BecomeFollower() {
  LeaveRole();
  if (KAPPA_MUTANT(kFallBackClearsVote)) context_.ForgetVote();
  role_ = std::make_unique<Follower>(StandTicks(context_));
  context_.NoteRoleChange();
}

void Replica::BecomePreCandidate() {
  LeaveRole();
  role_ = std::make_unique<PreCandidate>(context_);
  context_.NoteRoleChange();
}

void Replica::BecomeCandidate(const Message* call) {
  LeaveRole();
  context_.EnterTerm(context_.term().Next());
  if (Members(context_.configuration()).size() == 1 &&
      IsVoter(context_.configuration(), context_.self())) {
    // Nobody else can be elected or told of the term, so vote and no-op may
    // become durable together; a crash before that takes both, unseen.
    context_.VoteFor(context_.self());
    BecomeLeader();
    return;
  }
  role_ = std::make_unique<Candidate>(context_, call);
  context_.NoteRoleChange();
}

void Replica::BecomeLeader() {
  context_.SetLeader(context_.self());
  role_ = std::make_unique<Leader>(context_);
  context_.NoteRoleChange();
}

// The leader makes room for another one in its own term.
void Replica::StepDown() {
  context_.SetLeader(std::nullopt);
  BecomeFollower();
}

// --- elections ---

// A voter; also one that its newest configuration leaves out, as long as that
// one is not committed, or that a candidate counts on and refuses: perhaps only
// this log holds what the others' majority lacks, and they cannot elect anyone
// without it (Raft dissertation §4.2.2).
bool Replica::MayStand() const {
  const Configuration& present = context_.configuration();
  if (IsVoter(present, context_.self()) || counted_on_) return true;
  const LogIndex newest = context_.configuration_index();
  if (newest <= context_.committed()) return false;
  const Configuration* before =
      context_.configurations().NewestUpTo(newest.Previous());
  return IsVoter(before != nullptr ? *before : context_.base().configuration,
                 context_.self());
}

// The election time is over.
void Replica::Stand() {
  if (!MayStand() || !DiskLetsStand() ||
      (candidate() != nullptr && !MayLead())) {
    if (follower() == nullptr) BecomeFollower();
    return;
  }
  if (context_.options().pre_vote &&
      HasOtherVoter(context_.configuration(), context_.self())) {
    BecomePreCandidate();
  } else {
    BecomeCandidate(nullptr);
  }
}

// Who has a slow disk lets the others go first. It stands in the end, perhaps
// their disks are no better. A write that hangs would take the vote with it,
// and on a full disk no leader could append its no-op.
bool Replica::DiskLetsStand() const {
  const Impairment own = impairment();
  if (own == Impairment::kNone) return true;
  if (own != Impairment::kSlow || KAPPA_MUTANT(kSlowNeverStands)) return false;
  const Follower* follower = As<Follower>();
  return follower != nullptr &&
         follower->overdue_ticks() >= 2 * context_.options().election_ticks;
}

void Replica::Campaign() {
  const Configuration& present = context_.configuration();
  if (halted_ || leader() != nullptr || !IsVoter(present, context_.self())) {
    return;
  }
  Wake();
  const bool others = HasOtherVoter(present, context_.self());
  // What this replica promised to the leader binds its own vote, too.
  if (others && context_.options().lease_ticks > 0 && contact_.recent() &&
      context_.term() != Term(0)) {
    return;
  }
  if (others && context_.options().pre_vote && context_.term() != Term(0)) {
    BecomePreCandidate();
  } else {
    BecomeCandidate(nullptr);
  }
}

// On a fresh group leaders spread at once, without any election time.
bool Replica::FirstInRank() const {
  const std::vector<ReplicaId>& voters = context_.configuration().voters;
  if (context_.term() != Term(0) || context_.log().last() != EntryId{} ||
      voters.empty() || context_.options().priority == 0) {
    return false;
  }
  const uint64_t rank = context_.group().value() % voters.size();
  return context_.IsSelf(voters[rank]);
}

void Replica::FinishPreElection(VoteResult result) {
  if (result == VoteResult::kWon) BecomeCandidate(nullptr);
  if (result == VoteResult::kLost) BecomeFollower();
}

void Replica::FinishElection(VoteResult result) {
  // Who won and may not lead remains a candidate, so that all voters can say
  // what they know of the doubted entry.
  if (result == VoteResult::kWon && MayLead()) BecomeLeader();
  if (result == VoteResult::kLost) BecomeFollower();
}

// A leader must be able to send every entry (RELIABILITY.md S7).
bool Replica::MayLead() const {
  return context_.damaged().empty() || KAPPA_MUTANT(kDamagedLeads) ||
         !HasOtherVoter(context_.configuration(), context_.self());
}

// RELIABILITY.md S8.
void Replica::GiveUpDoubted() {
  const EntryId doubted = candidate()->doubted();
  if (context_.damaged().lowest() != doubted ||
      !candidate()->MajorityLacks(context_)) {
    return;
  }
  if (doubted.index <= context_.committed() &&
      !KAPPA_MUTANT(kGiveUpCommitted)) {
    return;
  }
  context_.TruncateFrom(doubted.index);
  BecomeFollower();
}

// --- disk ---

Impairment Replica::impairment() const {
  if (health_ == DiskHealth::kFull) return Impairment::kFull;
  const uint32_t stall_max = context_.options().write_stall_ticks;
  const bool stalled = stall_max > 0 && stall_.waited_ticks() >= stall_max;
  if (KAPPA_MUTANT(kZombieLeader)) return Impairment::kNone;
  if (stalled) return Impairment::kHung;
  return health_ == DiskHealth::kSlow ? Impairment::kSlow : Impairment::kNone;
}

void Replica::OnDiskHealth(DiskHealth health) {
  if (health != health_) Wake();
  health_ = health;
  context_.SetDiskFull(health == DiskHealth::kFull);
  context_.SetDiskImpaired(impairment() != Impairment::kNone);
}

void Replica::OnPersisted(const PersistToken& token) {
  if (halted_ || token.term != context_.term() ||
      !context_.CompletePersist(token)) {
    return;
  }
  if (leader() != nullptr) {
    leader()->OnDurable(context_);
  } else if (candidate() != nullptr) {
    FinishElection(candidate()->OnDurable(context_));
  } else if (follower() != nullptr) {
    follower()->OnDurable(context_);
  }
}

void Replica::Halt() {
  if (halted_) return;
  context_.SetLeader(std::nullopt);
  BecomeFollower();
  halted_ = !KAPPA_MUTANT(kHaltedVotes);
}

// --- damage, recovery ---

void Replica::OnEntryDamaged(LogIndex index, const Digest& chain) {
  if (halted_ || index <= context_.log().base().index ||
      index > context_.log().last().index) {
    return;
  }
  Wake();
  context_.MarkDamaged(index, chain);
  if (repair_ == nullptr) repair_ = std::make_unique<EntryRepair>();
}

// A damaged entry is looked for in every role; a leader that does not find an
// equal one within an election time makes room for another (RELIABILITY.md S7).
void Replica::TickRepair() {
  if (repair_ == nullptr) return;
  repair_->Tick(context_, [&](ReplicaId replica, LogIndex index) {
    return leader() == nullptr || leader()->HeldBy(replica, index);
  });
  if (context_.damaged().empty()) {
    repair_.reset();
  } else if (leader() != nullptr && !MayLead() &&
             repair_->waited_ticks() >= context_.options().election_ticks) {
    StepDown();
  }
}

absl::Status Replica::RecoverAlone() {
  if (halted_) {
    return absl::FailedPreconditionError("recover alone: halted");
  }
  if (context_.leader()) {
    return absl::FailedPreconditionError("recover alone: a leader is known");
  }
  if (!context_.damaged().empty()) {
    return absl::FailedPreconditionError("recover alone: an entry is damaged");
  }
  const std::optional<Term> term = TermOfNextEpoch(context_.term());
  if (!term) {
    return absl::FailedPreconditionError("recover alone: no term is left");
  }
  LeaveRole();
  context_.EnterTerm(*term);
  context_.VoteFor(context_.self());
  BecomeLeader();
  leader()->RecoverAlone(context_);
  return absl::OkStatus();
}

// --- time ---

void Replica::Tick() {
  if (halted_ || asleep_) return;
  context_.ReleaseSpare();
  contact_.Tick();
  stall_.Tick(context_.persists().idle() || health_ == DiskHealth::kStalled,
              context_.persists().completed_sequence());
  context_.SetDiskImpaired(impairment() != Impairment::kNone);
  TickRepair();
  const bool first = !std::exchange(ticked_, true);
  if (hand_over_pause_ticks_ > 0) --hand_over_pause_ticks_;
  if (leader() != nullptr) {
    TickLeader();
  } else if (first && FirstInRank()) {
    BecomeCandidate(nullptr);
  } else if (RoleTimedOut()) {
    Stand();
  }
  TickLeaderless();
}

// Two replicas of which one has the slow disk and the other the lower priority
// would else hand leadership to and fro.
void Replica::TickLeader() {
  const bool before = leader()->transferring();
  const bool may_hand_over =
      hand_over_pause_ticks_ == 0 || KAPPA_MUTANT(kHandsOverAtOnce);
  if (leader()->Tick(context_, nodes_, impairment(), may_hand_over)) {
    StepDown();
    return;
  }
  if (leader()->transferring() && !before) {
    hand_over_pause_ticks_ = static_cast<uint16_t>(
        kHandOverPause * context_.options().election_ticks);
  }
  if (leader()->TickSleep(context_, nodes_)) {
    leader()->Sleep();
    asleep_ = true;
  }
}

bool Replica::RoleTimedOut() {
  if (follower() != nullptr) return follower()->Tick(context_);
  if (pre_candidate() != nullptr) return pre_candidate()->Tick();
  return candidate() != nullptr && candidate()->Tick();
}

// The leader may sleep, and not know that this replica is here.
void Replica::TickLeaderless() {
  if (follower() == nullptr || context_.leader()) {
    leaderless_ticks_ = 0;
    return;
  }
  const uint32_t period = (context_.options().election_ticks + 1) / 2;
  if (++leaderless_ticks_ < period) return;
  leaderless_ticks_ = 0;
  for (ReplicaId member : Members(context_.configuration())) {
    if (context_.IsSelf(member)) continue;
    context_.Send(context_.NewMessage(MessageType::kLeaderQuery, member));
  }
}

// --- sleep ---

void Replica::Wake() {
  if (!std::exchange(asleep_, false)) return;
  if (leader() != nullptr) leader()->Wake();
}

// The leader may have been halted in its sleep, which no failure detector of
// nodes sees.
void Replica::WakeToLead() {
  if (asleep_ && leader() == nullptr && !KAPPA_MUTANT(kSleepsUnderHalted)) {
    context_.Send(
        context_.NewMessage(MessageType::kLeaderQuery, *context_.leader()));
  } else if (leader() == nullptr) {
    return;
  }
  Wake();
}

// A leader may have somebody to care for, or not any more; a follower may have
// lost its leader.
void Replica::OnNodeLiveness(NodeId node, bool alive) {
  nodes_.Record(node, alive);
  if (leader() != nullptr) {
    for (ReplicaId member : Members(context_.configuration())) {
      if (member.node == node) Wake();
    }
  } else if (context_.leader() && context_.leader()->node == node &&
             !KAPPA_MUTANT(kSleepsThroughSilence)) {
    Wake();
  }
}

// The leader says that `request` was the last for now.
bool Replica::MaySleepAsFollower(const Message& request) {
  const LogIndex last = context_.log().last().index;
  return request.quiesce && context_.options().quiesce_ticks > 0 &&
         follower() != nullptr && follower()->idle() &&
         context_.leader() == request.from && request.committed == last &&
         context_.committed() == last && context_.persists().idle() &&
         context_.damaged().empty() && nodes_.alive(request.from.node);
}

// --- output ---

Output Replica::TakeOutput() {
  if (halted_) return Output{};
  if (leader() != nullptr) {
    if (leader()->SendPending(context_, nodes_)) StepDown();
  } else if (follower() != nullptr) {
    follower()->SendPending(context_);
  }
  return context_.TakeOutput();
}

bool Replica::HasOutput() const {
  if (halted_) return false;
  if (context_.HasOutput()) return true;
  if (leader() != nullptr) return leader()->HasPending(context_);
  const Follower* follower = As<Follower>();
  return follower != nullptr && follower->HasPending();
}

void Replica::CheckInvariants() const {
  context_.CheckInvariants();
  KAPPA_CHECK(context_.term() >= checked_term_, "terms only grow");
  KAPPA_CHECK(context_.committed() >= checked_committed_,
              "committed only grows");
  checked_term_ = context_.term();
  checked_committed_ = context_.committed();
  if (leader() != nullptr) {
    leader()->CheckInvariants(context_);
  } else {
    KAPPA_CHECK(context_.leader() != context_.self(), "leads without the role");
  }
  if (As<PreCandidate>() != nullptr) {
    KAPPA_CHECK(!context_.leader(), "a pre-candidate has no leader");
  }
  if (As<Candidate>() != nullptr) {
    KAPPA_CHECK(context_.vote() == context_.self(), "a candidate's own vote");
    KAPPA_CHECK(!context_.leader(), "a candidate has no leader");
  }
  if (asleep_) {
    KAPPA_CHECK(context_.committed() == context_.log().last().index,
                "sleeps with everything committed");
    KAPPA_CHECK(leader() != nullptr || context_.leader().has_value(),
                "sleeps under a leader");
  }
  if (repair_ == nullptr) {
    KAPPA_CHECK(context_.damaged().empty(), "damage is being repaired");
  }
  // As a follower it may hear of a commit before the completion of the write
  // that it rests on, and lead with that: what it counts itself begins with its
  // term. And others may have committed what came before they left.
  if (leader() != nullptr && Members(context_.configuration()).size() == 1 &&
      IsVoter(context_.configuration(), context_.self())) {
    KAPPA_CHECK(
        context_.committed() <= context_.durable() ||
            context_.committed() < std::max(context_.configuration_index(),
                                            leader()->term_start()),
        "a single voter commits by its own disk only");
  }
}

}  // namespace kappa::raft
