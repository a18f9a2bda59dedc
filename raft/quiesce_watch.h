// QuiesceWatch: since when a leader's group has had nothing to do.
#ifndef KAPPA_RAFT_QUIESCE_WATCH_H_
#define KAPPA_RAFT_QUIESCE_WATCH_H_

#include <cstdint>

namespace kappa::raft {

// A group sleeps in two steps: once it has been idle for long enough the
// leader's beats ask the followers to sleep; once all of them have answered
// such a beat the leader sleeps, too.
//
// Thread safety: thread-compatible.
class QuiesceWatch {
 public:
  explicit QuiesceWatch(uint64_t now) : busy_tick_(now) {}

  // There is something to do at tick `now`.
  void RecordBusy(uint64_t now) { busy_tick_ = now; }
  // Beats from this tick on ask to sleep.
  uint64_t AsksFrom(uint32_t quiesce_ticks) const {
    return busy_tick_ + quiesce_ticks;
  }

 private:
  uint64_t busy_tick_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_QUIESCE_WATCH_H_
