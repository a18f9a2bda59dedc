// OpenHistory: every open of one data directory, and whether it forgot any.
#ifndef KAPPA_RAFT_OPEN_HISTORY_H_
#define KAPPA_RAFT_OPEN_HISTORY_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"

namespace kappa::raft {

// The rows {open id, first cycle} that a data directory keeps, one for each
// open. Cycles are numbered through: an open ends where the next one begins.
//
//   open 71      open 12        open 93
//   cycle 1..8   cycle 9..40    cycle 41..
//
// What others remember is compared with it (RELIABILITY.md S6). A directory put
// back from an old copy lacks an open, or has an open that ends too early.
//
// Invariant: first cycles ascend.
// Thread safety: thread-compatible.
class OpenHistory {
 public:
  struct Open {
    uint64_t open_id = 0;
    uint64_t first_cycle = 0;
    friend bool operator==(const Open&, const Open&) = default;
  };

  // Begins an open whose first cycle is `first_cycle`.
  // Requires: first_cycle is above that of the open before; open_id is not 0
  // and was drawn at random.
  void Begin(uint64_t open_id, uint64_t first_cycle);

  // Whether another node's evidence is compatible with this directory, whose
  // newest cycle that was ever begun is `newest_cycle`. False: the directory
  // has forgotten what it promised, so all its replicas must be replaced
  // (RELIABILITY.md S5). A cycle of 0 is no evidence.
  bool Covers(const Generation& evidence, uint64_t newest_cycle) const;

  const std::vector<Open>& opens() const { return opens_; }

  friend bool operator==(const OpenHistory&, const OpenHistory&) = default;

 private:
  std::vector<Open> opens_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_OPEN_HISTORY_H_
