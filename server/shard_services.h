// ShardServices: what the groups of a shard work with.
#ifndef KAPPA_SERVER_SHARD_SERVICES_H_
#define KAPPA_SERVER_SHARD_SERVICES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "raft/core_options.h"
#include "server/append_clock.h"
#include "server/disk_state.h"
#include "server/log_reader.h"
#include "server/memory_window.h"
#include "server/node_directory.h"
#include "server/outgoing_messages.h"
#include "server/peer_network.h"
#include "server/reader_pool.h"
#include "server/repair_budget.h"
#include "server/shard_counters.h"
#include "server/shard_group.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/log_writer.h"

namespace kappa::server {

class Partition;

// Nothing is owned; everything outlives the groups.
struct ShardServices {
  storage::LogStore* store = nullptr;
  storage::LogWriter* writer = nullptr;
  ReaderPool* readers = nullptr;
  LogReader* log_reader = nullptr;
  storage::KnownDamage* known_damage = nullptr;
  const Clock* clock = nullptr;
  const AppendClock* append_clock = nullptr;
  const DiskState* disk = nullptr;  // absent: there is room
  WindowBudget* window = nullptr;   // the shard's own
  // Any thread tells that a stored entry of the group is damaged: DATA_LOSS,
  // with its index where that is known (DamagedIndexOf).
  std::function<void(GroupId, ReplicaNumber, const absl::Status&)>
      report_damage;
  // Any thread: runs `work` on the shard's thread and advances `group` after
  // it; false once the shard has ended.
  std::function<bool(ShardGroup* group, absl::AnyInvocable<void()> work)> post;
  ShardCounters* counters = nullptr;  // the shard's own

  // --- groups with several voters ---

  // Differs at each start of the node (raft::CoreIdentity::instance).
  uint64_t instance = 0;
  // Of all cores; absent: the defaults.
  std::shared_ptr<const raft::CoreSettings> core_settings;
  // Where other nodes serve clients; absent: nobody knows.
  const NodeDirectory* nodes = nullptr;
  // To the other nodes; absent: there are none.
  PeerNetwork* network = nullptr;
  // Of all groups; absent: each has one of its own.
  std::shared_ptr<RepairBudget> repair_budget;
  // Takes messages to other nodes; may drop them. The shard's own.
  std::function<void(std::vector<GroupMessage>)> send;
  // Any thread has work for an awake partition of the shard, which is advanced
  // afterwards. Dropped when there is no such partition any more.
  std::function<void(GroupId, absl::AnyInvocable<void(Partition&)>)>
      post_to_partition;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_SERVICES_H_
