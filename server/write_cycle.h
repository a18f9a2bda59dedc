// WriteCycle: what one drain of a shard wants to make durable.
#ifndef KAPPA_SERVER_WRITE_CYCLE_H_
#define KAPPA_SERVER_WRITE_CYCLE_H_

#include <optional>
#include <vector>

#include "raft/core.h"
#include "storage/log_store.h"

namespace kappa::server {

class ShardGroup;

// A write of a group that is on its way to the disk.
struct WriteInFlight {
  ShardGroup* group = nullptr;  // outlives its writes
  // Of the core's write; absent for one of side rows alone.
  std::optional<raft::PersistToken> token;
};

// Goes to the log writer as one submission, in the order it was collected.
struct WriteCycle {
  std::vector<storage::GroupWrite> writes;
  std::vector<WriteInFlight> in_flight;

  bool empty() const { return writes.empty(); }
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_WRITE_CYCLE_H_
