// Follower: the role that answers a leader and waits for one.
#ifndef KAPPA_RAFT_FOLLOWER_H_
#define KAPPA_RAFT_FOLLOWER_H_

#include <cstdint>

#include "raft/context.h"
#include "raft/message.h"

namespace kappa::raft {

// Grants or refuses a vote (Raft paper §5.2, §5.4.1); the same in every role. A
// granted vote leaves only after it is durable. Returns whether it was granted.
// Requires: a vote request of the present term.
bool AnswerVoteRequest(Context& context, const Message& request);

// Thread safety: thread-compatible.
class Follower {
 public:
  explicit Follower(uint32_t election_ticks)
      : election_ticks_(election_ticks) {}

  // Returns true when it has waited too long for a leader.
  bool Tick() { return ++waited_ticks_ >= election_ticks_; }

  // Requires: messages of the present term.
  void OnVoteRequest(Context& context, const Message& request);
  void OnAppendRequest(Context& context, const Message& request);

 private:
  uint32_t election_ticks_;
  uint32_t waited_ticks_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_FOLLOWER_H_
