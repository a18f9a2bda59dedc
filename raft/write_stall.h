// WriteStall: how long a replica's disk has made no progress.
#ifndef KAPPA_RAFT_WRITE_STALL_H_
#define KAPPA_RAFT_WRITE_STALL_H_

#include <algorithm>
#include <cstdint>
#include <limits>

namespace kappa::raft {

// Counts ticks in which a write is under way and none becomes durable. It ties
// leadership to the disk: heartbeats alone would go on over a hung one (RAFT.md
// 20).
//
// Thread safety: thread-compatible.
class WriteStall {
 public:
  // A tick passed. `idle`: nothing is being written, or it does not wait for
  // the disk; `completed`: the newest durable write.
  void Tick(bool idle, uint64_t completed) {
    const bool stands = !idle && completed == completed_;
    waited_ticks_ = stands ? waited_ticks_ + 1 : 0;
    completed_ = completed;
  }
  uint64_t waited_ticks() const { return waited_ticks_; }

 private:
  uint64_t waited_ticks_ = 0;
  uint64_t completed_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_WRITE_STALL_H_
