#include "server/replica_repair.h"

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log_reader.h"
#include "server/logging.h"
#include "server/reader_pool.h"
#include "server/shard_counters.h"
#include "storage/damaged_index.h"
#include "storage/known_damage.h"
#include "storage/repair_check.h"

namespace kappa::server {

void RunRepairCheck(const ShardServices& services, GroupId group,
                    ReplicaNumber replica, RepairCheck check,
                    absl::AnyInvocable<void(std::vector<bool>)> tell) {
  struct Shared {
    RepairCheck check;
    absl::AnyInvocable<void(std::vector<bool>)> tell;
  };
  auto shared =
      std::make_shared<Shared>(Shared{std::move(check), std::move(tell)});
  ReaderPool::Job job = [&services, group, replica, shared] {
    storage::RepairProof proof =
        storage::FindProven(*services.store, replica, shared->check.entries);
    // Perhaps nobody has read them so far.
    for (const LogIndex index : proof.damaged) {
      services.report_damage(
          group, replica,
          ReadErrorOf(storage::WithDamagedIndex(
                          absl::DataLossError(absl::StrCat(
                              "entry ", index.value(), " of replica ",
                              replica.value(), " cannot be read")),
                          index),
                      group));
    }
    shared->tell(std::move(proof.proven));
  };
  if (!services.readers->Submit(storage::ReadClass::kPoint, job)) {
    shared->tell(std::vector<bool>(shared->check.entries.size(), false));
  }
}

void ConfirmDamage(const ShardServices& services, ReplicaNumber replica,
                   LogIndex index, absl::AnyInvocable<void(bool)> tell) {
  auto shared =
      std::make_shared<absl::AnyInvocable<void(bool)>>(std::move(tell));
  ReaderPool::Job job = [&services, replica, index, shared] {
    const auto read = services.store->Read(replica, index, index, 1,
                                           storage::ReadClass::kPoint);
    (*shared)(absl::IsDataLoss(read.status()));
  };
  if (!services.readers->Submit(storage::ReadClass::kPoint, job)) {
    (*shared)(true);
  }
}

void KeepDamage(const ShardServices& services, GroupId group,
                ReplicaNumber replica, LogIndex index,
                const absl::Status& status) {
  storage::KnownDamage* const known = services.known_damage;
  known->Add({replica, group, index, index, std::string(status.message())});
  // What cannot be kept now is kept with what is found later.
  ReaderPool::Job save = [known] { known->Save().IgnoreError(); };
  services.readers->Submit(storage::ReadClass::kPoint, save);
}

void NoteUnopened(const ShardServices& services, GroupId group,
                  ReplicaNumber replica, const absl::Status& status) {
  const std::string what = absl::StrCat(
      std::string(status.message()),
      "; this replica cannot be opened, nor repaired by itself: where others "
      "have the partition, stop the node, move its data directory away and "
      "start it with an empty one");
  LogError("a replica cannot be opened",
           {{"group", absl::StrCat(group.value())}, {"error", what}});
  const std::optional<LogIndex> index = storage::DamagedIndexOf(status);
  if (!index.has_value()) return;
  KeepDamage(services, group, replica, *index, absl::DataLossError(what));
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
