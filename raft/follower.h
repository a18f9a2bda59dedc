// Follower: the role that answers a leader and waits for one.
#ifndef KAPPA_RAFT_FOLLOWER_H_
#define KAPPA_RAFT_FOLLOWER_H_

#include <cstdint>
#include <memory>

#include "proto/wire/types.h"
#include "raft/catch_up.h"
#include "raft/context.h"
#include "raft/forwarded_reads.h"
#include "raft/message.h"

namespace kappa::raft {

// Grants or refuses a vote (Raft paper §5.2, §5.4.1); the same in every role. A
// granted vote leaves only after it is durable. `loyal`: this replica keeps to
// another leader. Returns whether it was granted.
// Requires: a vote request of the present term.
bool AnswerVoteRequest(Context& context, const Message& request, bool loyal);

// Thread safety: thread-compatible.
class Follower {
 public:
  explicit Follower(uint32_t election_ticks)
      : election_ticks_(election_ticks) {}

  // Returns true when it has waited too long for a leader.
  bool Tick(Context& context);

  // Ticks since it has waited too long.
  uint32_t overdue_ticks() const {
    return waited_ticks_ > election_ticks_ ? waited_ticks_ - election_ticks_
                                           : 0;
  }

  // Waits anew for a leader: a vote was given away.
  void Wait() { waited_ticks_ = 0; }

  // Waits anew, and so much longer this once: another one goes first.
  void Wait(uint32_t grace_ticks) {
    waited_ticks_ = 0;
    grace_ticks_ = grace_ticks;
  }

  // The term was raised by a candidate: the leader that was heard is one no
  // more, the wait for one goes on.
  void EnterTerm(Context& context) {
    reads_.RefuseAll(context);
    catch_up_.reset();
  }

  // Requires: messages of the present term.
  void OnAppendRequest(Context& context, const Message& request);
  void OnBaseRequest(Context& context, const Message& request);
  void OnFetchResponse(Context& context, const Message& response);
  void OnReadResponse(Context& context, const Message& response) {
    reads_.OnReadResponse(context, response);
  }
  // A write has become durable.
  void OnDurable(Context& context);

  // Asks the leader for a read point; refused where none is known.
  void OnReadRequested(Context& context, uint64_t id);
  // Asks for the reads that came since the last output.
  void SendPending(Context& context) {
    if (reads_.due()) reads_.Ask(context);
  }
  bool HasPending() const { return reads_.due(); }
  // Nothing waits for an answer.
  bool idle() const { return reads_.empty() && catch_up_ == nullptr; }
  // The role is left: refuses the reads that wait.
  void Resign(Context& context) { reads_.RefuseAll(context); }

 private:
  void FollowDonor(Context& context, const Message& request, LogIndex verified);

  uint32_t election_ticks_;
  uint32_t waited_ticks_ = 0;
  uint32_t grace_ticks_ = 0;  // before waited_ticks_ counts
  ForwardedReads reads_;
  std::unique_ptr<CatchUp> catch_up_;  // while a donor is named
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_FOLLOWER_H_
