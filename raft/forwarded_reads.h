// ForwardedReads: linearizable reads that a follower asks its leader about.
#ifndef KAPPA_RAFT_FORWARDED_READS_H_
#define KAPPA_RAFT_FORWARDED_READS_H_

#include <cstdint>

#include "raft/context.h"
#include "raft/message.h"
#include "raft/ring.h"

namespace kappa::raft {

// Reads are asked for in batches, each under a number that this process never
// uses again. The answer to a batch is a read point that the leader confirmed
// after the batch was asked for, so it serves all earlier batches, too; that is
// why only the newest is asked again. An answer to another process of this
// replica, or to a batch that was not asked for, is nobody's (RAFT.md 6).
//
// Thread safety: thread-compatible.
class ForwardedReads {
 public:
  bool empty() const { return reads_.empty(); }
  // The read waits; Ask() asks for it.
  void Add(uint64_t id);
  // True if Ask() would ask.
  bool due() const { return unasked_; }
  // Asks the leader about everything that waits.
  // Requires: a leader is known.
  void Ask(Context& context);
  // Requires: a response of the present term.
  void OnReadResponse(Context& context, const Message& response);
  // Asks again in every heartbeat period; refuses what has waited for an
  // election time.
  void Tick(Context& context);
  // The leader is lost.
  void RefuseAll(Context& context);

 private:
  struct WaitingRead {
    uint64_t id = 0;
    uint64_t batch = 0;  // 0: not asked for yet
    uint64_t since_tick = 0;
  };

  Ring<WaitingRead> reads_;  // in the order of Add; unasked ones last
  uint64_t newest_batch_ = 0;
  uint64_t tick_ = 0;
  uint64_t asked_tick_ = 0;
  bool unasked_ = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_FORWARDED_READS_H_
