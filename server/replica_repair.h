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

// Runs `check` where the disk may be read, and tells which entries it proved,
// on any thread; none when too many reads wait. Damage of entries that the
// proof would have rested on is reported. `services` must outlive the readers.
void RunRepairCheck(const ShardServices& services, GroupId group,
                    ReplicaNumber replica, RepairCheck check,
                    absl::AnyInvocable<void(std::vector<bool>)> tell);

// The entries at `indexes` were repaired, durably: they are served again.
void ForgetRepaired(const ShardServices& services, GroupId group,
                    ReplicaNumber replica,
                    const std::vector<LogIndex>& indexes);

// Reads the entry at `index` once more, where the disk may be read, and tells
// whether it is damaged, on any thread; it is taken to be when too many reads
// wait.
void ConfirmDamage(const ShardServices& services, ReplicaNumber replica,
                   LogIndex index, absl::AnyInvocable<void(bool)> tell);

// The committed entry at `index` is damaged, as `status` says: kept, also over
// a start, until it is repaired, or read again and whole.
void KeepDamage(const ShardServices& services, GroupId group,
                ReplicaNumber replica, LogIndex index,
                const absl::Status& status);

// A replica that could not be opened for a damaged entry: says so in the log
// and, where the entry is known, among what is known to be damaged, with what
// is to be done.
void NoteUnopened(const ShardServices& services, GroupId group,
                  ReplicaNumber replica, const absl::Status& status);

// Why a replica accepts nothing: OK when it has no known damage.
absl::Status KnownDamageOf(const ShardServices& services, GroupId group,
                           ReplicaNumber replica);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPLICA_REPAIR_H_
