// What a core is made from: its settings and what storage recovered.
#ifndef KAPPA_RAFT_CORE_OPTIONS_H_
#define KAPPA_RAFT_CORE_OPTIONS_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/output.h"

namespace kappa::raft {

// Which replica a core is.
struct CoreIdentity {
  ReplicaId self;
  GroupId group;
  // Differs at every start of the replica (the open id of its directory), so
  // that answers to a former process are not taken for answers to this one.
  uint64_t instance = 0;
  uint64_t random_seed = 0;
};

// How it behaves; cores of one process may share one object.
struct CoreSettings {
  // --- elections ---

  // Ticks without a leader before an election; the actual time is drawn from
  // [n, 2n) with `random_seed`. At most kElectionTicksMax.
  uint32_t election_ticks = 10;
  static constexpr uint32_t kElectionTicksMax = 8000;
  uint32_t heartbeat_ticks = 1;
  // Asks whether an election can be won before it raises the term (Raft
  // dissertation §9.6).
  bool pre_vote = true;
  // A leader that hears no majority for an election time steps down, and who
  // hears a leader refuses votes (stickiness; Raft dissertation §6.2, §4.2.3).
  bool check_quorum = true;
  // Who is preferred as leader: kPriorityMax stands without delay, each step
  // lower waits half an election time longer, 0 never stands by itself. A
  // leader hands over to a voter of higher priority that has kept up for an
  // election time. Safety does not depend on it.
  uint8_t priority = kPriorityMax;
  static constexpr uint8_t kPriorityMax = 3;
  // A leader answers reads without a round for this many ticks after the
  // sending of a heartbeat that a majority answered. 0: no leases. Correct only
  // while no clock of the group runs faster than another by more than the
  // factor (election_ticks - 1) / lease_ticks, and only if the owner feeds
  // Tick() the elapsed time before anything else. (Minus one: who hears a beat
  // between two ticks counts the rest of that tick as a whole one.)
  // Requires: lease_ticks < election_ticks, check_quorum.
  uint32_t lease_ticks = 0;
  // A leader whose oldest write has waited this long hands leadership over, or
  // steps down; a follower in that state does not stand. 0: never.
  uint32_t write_stall_ticks = 20;
  // A group with nothing to do stops ticking and sending after this many ticks.
  // The owner then reports nodes that fall silent (OnNodeLiveness). 0: never.
  uint32_t quiesce_ticks = 0;

  // --- replication ---

  // Past this many payload bytes that are proposed and not committed, Propose
  // is refused.
  uint64_t uncommitted_bytes_max = 64 << 20;
  // One append request or fetch response carries at most this many entries, and
  // no further one once their payload bytes reach the second limit.
  uint32_t request_entries_max = 256;
  uint64_t request_bytes_max = 1 << 20;
  // Sent to one follower and not acknowledged.
  uint64_t in_flight_entries_max = 4096;
  uint64_t in_flight_bytes_max = 8 << 20;
  // What an entry counts whose size the leader does not remember.
  uint64_t unknown_entry_bytes = 64 << 10;
  // A follower that lacks more entries than this fetches them in bulk, from
  // whichever replica the leader names. 0: never.
  uint64_t catch_up_entries = 8192;
  // State bytes in one base request.
  uint64_t base_chunk_bytes = 1 << 20;
};

struct CoreOptions : CoreIdentity, CoreSettings {};

// A configuration entry in the log.
struct ConfigurationAt {
  LogIndex index;
  Configuration configuration;
};

// A base that was being received when the process ended.
struct PartialBase {
  LogBase base;
  uint64_t bytes = 0;  // durable state bytes, from the start
};

// What storage recovered; all of it is durable.
struct RestoredState {
  HardState hard_state;
  LogBase base;
  EntryId last;  // == base.id for an empty log
  // The configuration entries in the log above the base, ascending; the newest
  // two are enough, since one is uncommitted at most.
  std::vector<ConfigurationAt> configurations;
  // (term, first index of it) for every term in the log above the base,
  // ascending: the term-boundary table.
  std::vector<EntryId> term_starts;
  std::optional<PartialBase> partial_base;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CORE_OPTIONS_H_
