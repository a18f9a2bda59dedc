// ShardGroup: what a shard runs: one replica of one Raft group.
#ifndef KAPPA_SERVER_SHARD_GROUP_H_
#define KAPPA_SERVER_SHARD_GROUP_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "raft/core.h"
#include "raft/message.h"
#include "raft/role.h"
#include "server/log_bytes.h"
#include "server/write_cycle.h"

namespace kappa::server {

// Thread safety: thread-compatible; its shard's thread calls everything.
class ShardGroup {
 public:
  virtual ~ShardGroup() = default;

  virtual GroupId group() const = 0;
  virtual ReplicaNumber number() const = 0;
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
  // To look at.
  virtual const raft::Core& core() const = 0;
  virtual const LogBytes& bytes() const = 0;

  // --- groups with other replicas; Advance is called afterwards ---

  // A message of another replica, with the content of each entry; see
  // GroupLog::Step.
  virtual absl::Status Step(raft::Message message,
                            std::vector<Payload> contents) = 0;
  // One tick of the core has passed.
  virtual void Tick() = 0;
  // Whether Advance would do anything now, as far as Tick causes it.
  virtual bool has_output() const = 0;
  // Whether Tick is of any use until something else happens.
  virtual bool needs_ticks() const = 0;
  // A node fell silent, or came back.
  virtual void OnNodeLiveness(NodeId node, bool alive) = 0;
  virtual bool leads() const = 0;
  // See raft::Core.
  virtual absl::Status TransferLeadership(std::optional<ReplicaId> target) = 0;
  // What the node's disk, and what else makes it fit to lead, allows.
  virtual void SetDiskHealth(raft::DiskHealth health) = 0;

  // --- damage; Advance is called afterwards ---

  // A stored entry was found damaged by this run: nothing new is accepted here,
  // and others shall lead, until it is repaired or cut off, or until the next
  // start.
  virtual void StopDamaged(absl::Status status) = 0;
  // See GroupLog.
  virtual void OnEntriesDamaged(LogIndex first, LogIndex last) = 0;
  // See GroupLog.
  virtual bool MayBeReplaced(LogIndex index) const = 0;

 private:
  friend class Shard;
  bool touched_ = false;
  bool ticking_ = false;
  raft::DiskHealth told_health_ = raft::DiskHealth::kHealthy;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_GROUP_H_
