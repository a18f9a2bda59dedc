// Partition: stopped for damaged entries, and going on once they are repaired.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/log_reader.h"
#include "server/partition.h"
#include "server/replica_repair.h"
#include "server/shard_counters.h"
#include "storage/damaged_index.h"

namespace kappa::server {

void Partition::StopDamaged(absl::Status status) {
  const bool of_entry = storage::DamagedIndexOf(status).has_value();
  Stop(std::move(status), of_entry);
}

void Partition::StopFolding(const absl::Status& error) {
  absl::Status status = ReadErrorOf(error, group());
  // Reported once, until it was repaired: then the fold is tried again.
  if (storage::DamagedIndexOf(status).has_value() && damaged_.ok()) {
    services_->report_damage(group(), log_.number(), status);
  }
  StopDamaged(std::move(status));
}

// What is of entries ends with their repair; the rest with the next start.
void Partition::Stop(absl::Status status, bool of_entry) {
  if (!damaged_.ok() && (of_entry || !damage_is_of_entries_)) return;
  const bool was_stopped = !damage().ok();
  damaged_ = std::move(status);
  damage_is_of_entries_ = of_entry;
  FollowDamage(was_stopped);
}

void Partition::KeepDamageIfCommitted() {
  const std::optional<LogIndex> index = storage::DamagedIndexOf(unkept_damage_);
  const bool repairing = index.has_value() && log_.repairing();
  if (repairing && *index > log_.core().committed()) return;  // not yet
  const std::vector<LogIndex> damaged = log_.core().damaged();
  if (repairing && std::binary_search(damaged.begin(), damaged.end(), *index)) {
    KeepDamage(*services_, group(), log_.number(), *index, unkept_damage_);
  }
  unkept_damage_ = absl::OkStatus();
}

void Partition::SetKnownDamage(absl::Status status) {
  const bool was_stopped = !damage().ok();
  known_damage_ = std::move(status);
  FollowDamage(was_stopped);
}

void Partition::FollowDamage(bool was_stopped) {
  if (was_stopped == !damage().ok()) return;
  log_.SetUnfit(!was_stopped);
  if (was_stopped) {
    services_->counters->damaged_partitions.Subtract(1);
  } else {
    services_->counters->damaged_partitions.Add(1);
  }
}

void Partition::CheckRepairs(RepairCheck check) {
  const uint64_t id = check.id;
  RunRepairCheck(
      *services_, group(), log_.number(), std::move(check),
      [services = services_, group = group(), number = log_.number(),
       id](std::vector<bool> proven) {
        services->post_to_partition(
            group, [number, id, proven = std::move(proven)](Partition& self) {
              // The group may have been given up, and be back.
              if (self.log_.number() != number) return;
              self.log_.OnRepairsChecked(id, proven);
            });
      });
}

void Partition::FollowRepairs() {
  const bool was_stopped = !damage().ok();
  if (damage_is_of_entries_ && !log_.repairing()) {
    damaged_ = absl::OkStatus();
    damage_is_of_entries_ = false;
  }
  known_damage_ = KnownDamageOf(*services_, group(), log_.number());
  FollowDamage(was_stopped);
}

}  // namespace kappa::server
