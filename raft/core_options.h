// What a core is made from: its settings and what storage recovered.
#ifndef KAPPA_RAFT_CORE_OPTIONS_H_
#define KAPPA_RAFT_CORE_OPTIONS_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/output.h"

namespace kappa::raft {

struct CoreOptions {
  ReplicaId self;
  GroupId group;
  // Ticks without a leader before an election; the actual time is drawn from
  // [n, 2n) with `random_seed`.
  uint32_t election_ticks = 10;
  uint32_t heartbeat_ticks = 1;
  // Past this many payload bytes that are proposed and not committed, Propose
  // is refused.
  uint64_t uncommitted_bytes_max = 64 << 20;
  // One append request carries at most this many entries, and no further one
  // once their payload bytes reach the second limit.
  uint32_t request_entries_max = 256;
  uint64_t request_bytes_max = 1 << 20;
  // Entries sent to one follower and not acknowledged.
  uint64_t in_flight_entries_max = 4096;
  uint64_t random_seed = 0;
};

// What storage recovered; all of it is durable.
struct RestoredState {
  HardState hard_state;
  LogBase base;
  EntryId last;                  // == base.id for an empty log
  Configuration configuration;   // the newest one in the log, or the base's
  LogIndex configuration_index;  // where that one stands
  // (term, first index of it) for every term in the log above the base,
  // ascending: the term-boundary table.
  std::vector<EntryId> term_starts;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CORE_OPTIONS_H_
