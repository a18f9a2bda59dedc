// InFlightWindow: what was sent to one follower and is not acknowledged.
#ifndef KAPPA_RAFT_IN_FLIGHT_WINDOW_H_
#define KAPPA_RAFT_IN_FLIGHT_WINDOW_H_

#include <cstddef>
#include <cstdint>

#include "proto/wire/types.h"
#include "raft/ring.h"

namespace kappa::raft {

// Requests with entries in the order they were sent, each with its last index
// and its size. Limits are soft by one request: it is full once a limit is
// reached, so a single entry above the limit still goes out.
//
// Invariant: ascending by last index; sums are exact.
// Thread safety: thread-compatible.
class InFlightWindow {
 public:
  bool empty() const { return requests_.empty(); }
  size_t requests() const { return requests_.size(); }
  uint64_t entries() const {
    return empty()
               ? 0
               : requests_.back().entries_end - requests_.front().entries_end +
                     requests_.front().entries;
  }
  uint64_t bytes() const {
    return empty() ? 0
                   : requests_.back().bytes_end - requests_.front().bytes_end +
                         requests_.front().bytes;
  }
  bool Full(uint64_t entries_max, uint64_t bytes_max) const {
    return entries() >= entries_max || bytes() >= bytes_max;
  }

  // A request with `entries` entries up to and including `last`.
  // Requires: entries > 0, last is above that of the request before.
  void Push(LogIndex last, uint64_t entries, uint64_t bytes);
  // Everything up to and including `acknowledged` has arrived. A request of
  // which only a part arrived stays, whole.
  void PopUpTo(LogIndex acknowledged);
  // Nothing is on its way any more.
  void Clear();
  // Gives memory back when empty.
  void ReleaseSpare() { requests_.ReleaseSpare(); }

  // Aborts when the invariant does not hold.
  void CheckInvariants() const;

 private:
  struct Request {
    LogIndex last;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    // Sums up to and including this one, since the window was empty.
    uint64_t entries_end = 0;
    uint64_t bytes_end = 0;
  };

  Ring<Request> requests_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_IN_FLIGHT_WINDOW_H_
