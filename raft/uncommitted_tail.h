// UncommittedTail: a leader's own entries that are not committed yet.
#ifndef KAPPA_RAFT_UNCOMMITTED_TAIL_H_
#define KAPPA_RAFT_UNCOMMITTED_TAIL_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/entry.h"
#include "raft/ring.h"

namespace kappa::raft {

// The metadata of what the leader proposed in its term above the commit index,
// and the sum of its payload bytes, which is limited.
//
// Invariant: contiguous. Thread safety: thread-compatible.
class UncommittedTail {
 public:
  // Whether an entry of that size may come in: the limit is kept, or nothing is
  // uncommitted (so an entry above the limit is never refused for ever).
  bool Admits(uint64_t payload_bytes, uint64_t payload_bytes_max) const {
    return payload_bytes_ == 0 ||
           (payload_bytes_ <= payload_bytes_max &&
            payload_bytes <= payload_bytes_max - payload_bytes_);
  }
  // Requires: the entry follows the last one.
  void Push(const EntryMeta& entry);
  // Forgets everything up to and including `committed`.
  void PopUpTo(LogIndex committed);

  // The entry at `index`, or nullptr if it is not kept here.
  const EntryMeta* Find(LogIndex index) const;
  uint64_t payload_bytes() const { return payload_bytes_; }
  // Gives memory back when empty.
  void ReleaseSpare() { entries_.ReleaseSpare(); }

  // Aborts unless the tail is exactly what lies in (committed, last] and at or
  // above `first_own`.
  void CheckInvariants(LogIndex committed, LogIndex first_own,
                       LogIndex last) const;

 private:
  Ring<EntryMeta> entries_;
  uint64_t payload_bytes_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_UNCOMMITTED_TAIL_H_
