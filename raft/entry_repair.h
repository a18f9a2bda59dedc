// EntryRepair: asks other replicas for what this one holds damaged.
#ifndef KAPPA_RAFT_ENTRY_REPAIR_H_
#define KAPPA_RAFT_ENTRY_REPAIR_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "proto/wire/types.h"
#include "raft/context.h"
#include "raft/message.h"

namespace kappa::raft {

// In any role: the lowest damaged entries are asked for, the leader first, then
// all members in turn, one replica at a time, until every one of them is
// durably repaired (RELIABILITY.md S7). A leader takes part also if it is no
// member by the configuration known here.
//
// Thread safety: thread-compatible.
class EntryRepair {
 public:
  // Entries asked for at once.
  static constexpr size_t kEntriesMax = 16;
  // Heartbeat periods that one replica has to answer.
  static constexpr uint32_t kHeartbeatsPerReplica = 2;

  // A tick passed. `may_hold` says whether a replica can have an entry.
  void Tick(Context& context,
            absl::FunctionRef<bool(ReplicaId, LogIndex)> may_hold);
  // Ticks since the first damage, or since the last repair.
  uint32_t waited_ticks() const { return waited_ticks_; }
  // The replica is known to hold what is damaged: it is asked next.
  void AskNext(ReplicaId replica);

  // Takes an equal entry. Requires: a response of the present term.
  void OnRepairResponse(Context& context, const Message& response);

 private:
  void Ask(Context& context, ReplicaId replica,
           absl::FunctionRef<bool(ReplicaId, LogIndex)> may_hold);

  uint32_t waited_ticks_ = 0;
  uint32_t ticks_to_next_ = 0;
  ReplicaId asked_;      // the last one; none at first
  ReplicaId preferred_;  // to be asked next; none: the one after asked_
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_ENTRY_REPAIR_H_
