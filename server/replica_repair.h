// What a shard's group does about damaged entries beside its log: proving what
// others sent, and forgetting damage that was repaired.
#ifndef KAPPA_SERVER_REPLICA_REPAIR_H_
#define KAPPA_SERVER_REPLICA_REPAIR_H_

#include <cstddef>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/received_repairs.h"
#include "server/shard_services.h"

namespace kappa::server {

// Runs `check` where the disk may be read, and tells how many entries it
// proved, on any thread; 0 when too many reads wait. Damage of the entry that
// the proof rests on is reported. `services` must outlive the readers.
void RunRepairCheck(const ShardServices& services, GroupId group,
                    ReplicaNumber replica, RepairCheck check,
                    absl::AnyInvocable<void(size_t)> tell);

// The entries at `indexes` were repaired, durably: they are served again.
void ForgetRepaired(const ShardServices& services, GroupId group,
                    ReplicaNumber replica,
                    const std::vector<LogIndex>& indexes);

// Why a replica accepts nothing: OK when it has no known damage.
absl::Status KnownDamageOf(const ShardServices& services, GroupId group,
                           ReplicaNumber replica);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPLICA_REPAIR_H_
