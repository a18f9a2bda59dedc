#include "server/replica_repair.h"

#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log_reader.h"
#include "server/logging.h"
#include "server/reader_pool.h"
#include "server/shard_counters.h"
#include "storage/known_damage.h"
#include "storage/repair_check.h"

namespace kappa::server {

void RunRepairCheck(const ShardServices& services, GroupId group,
                    ReplicaNumber replica, RepairCheck check,
                    absl::AnyInvocable<void(size_t)> tell) {
  struct Shared {
    RepairCheck check;
    absl::AnyInvocable<void(size_t)> tell;
  };
  auto shared =
      std::make_shared<Shared>(Shared{std::move(check), std::move(tell)});
  ReaderPool::Job job = [&services, group, replica, shared] {
    const RepairCheck& check = shared->check;
    const size_t proven = storage::CountProven(*services.store, replica,
                                               check.entries, check.before);
    if (proven == 0) {
      // Perhaps for the entry before it, which nobody has read so far.
      const LogIndex before = check.entries.front().header.index.Previous();
      const absl::Status read =
          services.store->ReadHeader(replica, before).status();
      if (absl::IsDataLoss(read)) {
        services.report_damage(group, replica, ReadErrorOf(read, group));
      }
    }
    shared->tell(proven);
  };
  if (!services.readers->Submit(storage::ReadClass::kPoint, job)) {
    shared->tell(0);
  }
}

void ForgetRepaired(const ShardServices& services, GroupId group,
                    ReplicaNumber replica,
                    const std::vector<LogIndex>& indexes) {
  if (indexes.empty()) return;
  storage::KnownDamage* const known = services.known_damage;
  for (const LogIndex index : indexes) known->Remove(replica, index, index);
  services.counters->repaired_entries.Add(indexes.size());
  LogInfo("damaged entries were repaired from other nodes",
          {{"group", absl::StrCat(group.value())},
           {"entries", absl::StrCat(indexes.size())},
           {"first_index", absl::StrCat(indexes.front().value())},
           {"last_index", absl::StrCat(indexes.back().value())}});
  // Forgetting it late does no harm: it is read again after a start.
  ReaderPool::Job save = [known] { known->Save().IgnoreError(); };
  services.readers->Submit(storage::ReadClass::kPoint, save);
}

absl::Status KnownDamageOf(const ShardServices& services, GroupId group,
                           ReplicaNumber replica) {
  const auto damage = services.known_damage->FirstIn(
      replica, LogIndex(0), LogIndex(std::numeric_limits<uint64_t>::max()));
  return damage.has_value() ? ReadErrorOf(KnownDamageError(*damage), group)
                            : absl::OkStatus();
}

}  // namespace kappa::server
