// ShardServices: what the groups of a shard work with.
#ifndef KAPPA_SERVER_SHARD_SERVICES_H_
#define KAPPA_SERVER_SHARD_SERVICES_H_

#include <functional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/append_clock.h"
#include "server/disk_state.h"
#include "server/log_reader.h"
#include "server/memory_window.h"
#include "server/reader_pool.h"
#include "server/shard_counters.h"
#include "server/shard_group.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/log_writer.h"

namespace kappa::server {

// Nothing is owned; everything outlives the groups.
struct ShardServices {
  storage::LogStore* store = nullptr;
  storage::LogWriter* writer = nullptr;
  ReaderPool* readers = nullptr;
  LogReader* log_reader = nullptr;
  const storage::KnownDamage* known_damage = nullptr;
  const Clock* clock = nullptr;
  const AppendClock* append_clock = nullptr;
  const DiskState* disk = nullptr;  // absent: there is room
  WindowBudget* window = nullptr;   // the shard's own
  // Any thread tells that a stored entry of the group is damaged.
  std::function<void(GroupId, const absl::Status&)> report_damage;
  // Any thread: runs `work` on the shard's thread and advances `group` after
  // it; false once the shard has ended.
  std::function<bool(ShardGroup* group, absl::AnyInvocable<void()> work)> post;
  ShardCounters* counters = nullptr;  // the shard's own
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_SERVICES_H_
