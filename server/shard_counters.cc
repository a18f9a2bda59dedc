#include "server/shard_counters.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/errors.h"

namespace kappa::server {

void ReasonCounter::Count(const absl::Status& status) {
  v1::ErrorReason reason = v1::ERROR_REASON_INTERNAL;
  v1::ErrorReason_Parse(
      absl::StrCat("ERROR_REASON_", ErrorInfoOf(status).reason()), &reason);
  counts_[reason].Add(1);
}

void ReasonCounter::AddTo(RefusalCounts* counts) const {
  for (size_t i = 0; i < counts_.size(); ++i) {
    (*counts)[i] += counts_[i].value();
  }
}

ShardStats ShardCounters::Snapshot() const {
  ShardStats stats;
  stats.appends = appends.value();
  stats.append_bytes = append_bytes.value();
  stats.append_records = append_records.value();
  stats.duplicates = duplicates.value();
  refusals.AddTo(&stats.refusals);
  stats.drains = drains.value();
  stats.helped_drains = helped_drains.value();
  stats.events = events.value();
  stats.window_reads = window_reads.value();
  stats.partitions = partitions.value();
  stats.awake_partitions = awake_partitions.value();
  stats.damaged_partitions = damaged_partitions.value();
  stats.repaired_entries = repaired_entries.value();
  stats.uncommitted_entries = uncommitted_entries.value();
  stats.waiters = waiters.value();
  stats.window_entries = window_entries.value();
  stats.window_bytes = window_bytes.value();
  return stats;
}

}  // namespace kappa::server
