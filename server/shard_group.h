// ShardGroup: what a shard runs: one replica of one Raft group.
#ifndef KAPPA_SERVER_SHARD_GROUP_H_
#define KAPPA_SERVER_SHARD_GROUP_H_

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/write_cycle.h"

namespace kappa::server {

// Thread safety: thread-compatible; its shard's thread calls everything.
class ShardGroup {
 public:
  virtual ~ShardGroup() = default;

  virtual GroupId group() const = 0;
  // Collects what the core wants written, and acts on what it committed and
  // confirmed. Called once per drain for each group that Shard::Touch named.
  virtual void Advance(WriteCycle* cycle) = 0;
  // A write collected by Advance is durable; Advance is called afterwards.
  virtual void OnDurable(const WriteInFlight& write) = 0;
  // Fails everything that still waits with `status`; appends whose fate is open
  // get OUTCOME_UNKNOWN instead. Nothing is accepted any more.
  virtual void Abandon(const absl::Status& status) = 0;
  // True when nothing is accepted and unanswered, and nothing is being written.
  virtual bool idle() const = 0;

 private:
  friend class Shard;
  bool touched_ = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_GROUP_H_
