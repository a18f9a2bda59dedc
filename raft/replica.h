// Replica: which role one replica of a group has, and what moves it between
// roles.
#ifndef KAPPA_RAFT_REPLICA_H_
#define KAPPA_RAFT_REPLICA_H_

#include <cstdint>
#include <memory>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/candidate.h"
#include "raft/context.h"
#include "raft/core_options.h"
#include "raft/entry_repair.h"
#include "raft/follower.h"
#include "raft/leader.h"
#include "raft/leader_contact.h"
#include "raft/message.h"
#include "raft/node_liveness.h"
#include "raft/output.h"
#include "raft/pre_candidate.h"
#include "raft/role.h"
#include "raft/succession.h"
#include "raft/write_stall.h"

namespace kappa::raft {

// The context and the present role; only here is a role replaced.
//
//                  time out                  won
//   Follower ------------------> PreCandidate ----> Candidate ----> Leader
//      ^                              |                 |              |
//      +------------------------------+-----------------+--------------+
//        a leader, a higher term, lost          no quorum, disk, damage
//
// A fall back to follower within a term keeps the vote (RAFT.md 1).
//
// The inputs are those of Core, which documents them.
// Thread safety: thread-compatible.
class Replica {
 public:
  Replica(const CoreIdentity& identity,
          std::shared_ptr<const CoreSettings> settings, RestoredState restored);

  // --- inputs ---

  void Tick();
  void Step(const Message& message);
  void OnNodeLiveness(NodeId node, bool alive);
  void Campaign();
  // Something is to be done: a quiescent replica ticks again.
  void Wake();
  // Something is to be done that only the leader can do: a sleeping follower
  // asks whether it is still there.
  void WakeToLead();
  void OnPersisted(const PersistToken& token);
  void OnDiskHealth(DiskHealth health);
  void Halt();
  void OnEntryDamaged(LogIndex index, const Digest& chain);
  absl::Status RecoverAlone();
  Output TakeOutput();
  bool HasOutput() const;

  // --- state ---

  Context& context() { return context_; }
  const Context& context() const { return context_; }
  // The present role; the others are nullptr.
  Leader* leader() { return As<Leader>(); }
  const Leader* leader() const { return As<Leader>(); }
  Candidate* candidate() { return As<Candidate>(); }
  PreCandidate* pre_candidate() { return As<PreCandidate>(); }
  Follower* follower() { return As<Follower>(); }
  Role role() const;
  const NodeLiveness& nodes() const { return nodes_; }
  bool halted() const { return halted_; }
  bool quiescent() const { return asleep_; }

  // Aborts when an invariant does not hold.
  void CheckInvariants() const;

 private:
  template <typename R>
  R* As() const {
    const auto* role = std::get_if<std::unique_ptr<R>>(&role_);
    return role == nullptr ? nullptr : role->get();
  }

  // --- roles (replica.cc) ---

  void LeaveRole();
  void BecomeFollower();
  void BecomePreCandidate();
  // `call`: the kTimeoutNow that asks for it, or nullptr.
  void BecomeCandidate(const Message* call);
  void BecomeLeader();
  void StepDown();
  void Stand();
  void FinishPreElection(VoteResult result);
  void FinishElection(VoteResult result);
  void GiveUpDoubted();
  bool MayLead() const;
  bool MayStand() const;
  bool FirstInRank() const;
  bool DiskLetsStand() const;
  Impairment impairment() const;
  void TickLeader();
  void TickRepair();
  void TickLeaderless();
  bool RoleTimedOut();
  bool MaySleepAsFollower(const Message& request);

  // --- messages (replica_step.cc) ---

  void EnterTermOf(const Message& message);
  bool Loyal() const;
  bool LoyalAgainst(const Message& request) const;
  bool Wakes(const Message& message) const;
  bool StepInAnyTerm(const Message& message);
  void StepPreVoteResponse(const Message& message);
  void StepInTerm(const Message& message);
  void LetGoFirst(const Message& request);
  void StepVoteRequest(const Message& message);
  void StepVoteResponse(const Message& message);
  void StepTimeoutNow(const Message& message);
  void HearLeader(const Message& message);
  void StepBesidesElections(const Message& message);
  void AnswerStale(const Message& message);

  Context context_;
  // Each by pointer, so that a follower does not hold a leader's space.
  std::variant<std::unique_ptr<Follower>, std::unique_ptr<PreCandidate>,
               std::unique_ptr<Candidate>, std::unique_ptr<Leader>>
      role_;
  LeaderContact contact_;
  WriteStall stall_;
  DiskHealth health_ = DiskHealth::kHealthy;
  bool halted_ : 1 = false;
  // Since a leader was heard: one with an older log asked for this vote.
  bool counted_on_ : 1 = false;
  bool ticked_ = false;
  bool asleep_ = false;
  uint16_t leaderless_ticks_ = 0;
  // Until this replica may hand over again unasked.
  uint16_t hand_over_pause_ticks_ = 0;
  NodeLiveness nodes_;
  std::unique_ptr<EntryRepair> repair_;  // while entries are damaged
  // What CheckInvariants saw last.
  mutable Term checked_term_;
  mutable LogIndex checked_committed_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_REPLICA_H_
