// PartitionHost: makes committed changes of topics real on this node: creates
// replicas and puts partitions on shards, publishes topics, drops replicas.
//
//   create:  replicas created (durable) -> partitions on shards -> published
//   delete:  withdrawn -> partitions finished and off -> replicas dropped
#ifndef KAPPA_SERVER_PARTITION_HOST_H_
#define KAPPA_SERVER_PARTITION_HOST_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/metadata_group.h"
#include "server/partition_router.h"
#include "server/shard.h"
#include "server/topic_map.h"
#include "server/topic_registry.h"
#include "storage/log_store.h"
#include "storage/log_writer.h"

namespace kappa::server {

// Who runs what, fixed for the life of a node. Everything outlives the host.
struct HostContext {
  ReplicaId self;
  storage::LogWriter* writer = nullptr;
  LogReader* log_reader = nullptr;
  TopicMap* topics = nullptr;
  const PartitionRouter* router = nullptr;  // its first shard runs metadata
  // Called when replicas cannot be created or dropped: the node must end.
  std::function<void(const absl::Status&)> on_fatal;
};

// Whether `self` is to hold a replica of the partition.
bool IsHost(const TopicSnapshot& topic, uint32_t partition, ReplicaId self);

// A replica of a partition's group as it begins: the group's first members,
// whoever is a member by now, and its digest.
storage::ReplicaSpec SpecOf(const TopicSnapshot& topic, uint32_t partition,
                            ReplicaId self);

// A group that this node holds no replica of, and the nodes to ask, the best
// first.
struct ElsewhereGroup {
  GroupId group;
  std::vector<NodeId> nodes;
};

std::vector<NodeId> NodesOf(absl::Span<const ReplicaId> replicas);

// Tells the shards of them (Shard::AddElsewhere): before anything that is
// posted there afterwards.
void TellElsewhere(const PartitionRouter& router,
                   const std::vector<ElsewhereGroup>& groups);

// Who shall lead groups that are new.
using FirstLeaders = std::map<GroupId, ReplicaId>;

// Hands the replicas to their shards, those of new groups with their first
// leaders. `done` runs once all are taken over, on the thread of some shard.
void PlaceOnShards(const PartitionRouter& router,
                   std::vector<storage::ReplicaInfo> replicas,
                   const FirstLeaders& first_leaders,
                   absl::AnyInvocable<void()> done);

// Changes become real in their order; creations that wait together are made
// durable together.
//
// Thread safety: thread-compatible; the metadata group's shard calls it.
class PartitionHost {
 public:
  PartitionHost(const HostContext* context, MetadataGroup* metadata)
      : context_(context), metadata_(metadata) {}

  // See MetadataGroup::Effects.
  void MakeReal(const TopicChange& change, bool deleted,
                absl::AnyInvocable<void()> then);
  // Runs `then` once everything handed over so far is real.
  void WhenReal(absl::AnyInvocable<void()> then);
  // Drops what waits, and its continuations. Once the shards have ended.
  void Abandon() { waiting_.clear(); }

 private:
  struct Work {
    std::shared_ptr<const TopicSnapshot> topic;  // if `changed` or `deleted`
    uint32_t first_new_partition = 0;
    // See TopicChange.
    std::shared_ptr<const TopicSnapshot> other_members_before;
    bool changed = false;
    bool deleted = false;
    absl::AnyInvocable<void()> then;

    bool creates() const {
      return changed && !deleted &&
             (first_new_partition < topic->groups.size() ||
              other_members_before != nullptr);
    }
  };

  // Works off what needs no waiting, and begins what does.
  void GoOn();
  void CreateWaiting();
  void FinishCreating(std::vector<Work> created);
  void Drop(const TopicSnapshot& topic);

  const HostContext* const context_;
  MetadataGroup* const metadata_;
  std::deque<Work> waiting_;
  bool creating_ = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PARTITION_HOST_H_
