// PartitionRouter: brings requests to the shard that runs their partition.
#ifndef KAPPA_SERVER_PARTITION_ROUTER_H_
#define KAPPA_SERVER_PARTITION_ROUTER_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "server/partition.h"
#include "server/shard.h"

namespace kappa::server {

// Thread safety: thread-safe once all shards are added.
class PartitionRouter {
 public:
  void AddShard(Shard* shard) { shards_.push_back(shard); }
  const std::vector<Shard*>& shards() const { return shards_; }
  Shard* ShardOf(GroupId group) const {
    return shards_[group.value() % shards_.size()];
  }

  // Runs `work` with the partition, on its shard, which then advances it.
  // Errors (to `done`): TOPIC_NOT_FOUND: the partition was deleted;
  // DATA_DAMAGED; OVERLOADED, SHUTTING_DOWN: see Shard::Refusal.
  template <typename T>
  void Route(
      GroupId group, Node::Callback<T> done,
      absl::AnyInvocable<void(Partition&, Node::Callback<T>)> work) const {
    // Shared so that it can still be answered here when the queue is full.
    auto answer = std::make_shared<Node::Callback<T>>(std::move(done));
    Shard::Task task = [group, answer,
                        work = std::move(work)](Shard& shard) mutable {
      absl::StatusOr<Partition*> partition = shard.WakePartition(group);
      if (!partition.ok()) return (*answer)(partition.status());
      shard.Touch(*partition);
      work(**partition, std::move(*answer));
    };
    if (!ShardOf(group)->TryPost(task)) {
      (*answer)(ShardOf(group)->Refusal());
    }
  }

 private:
  std::vector<Shard*> shards_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PARTITION_ROUTER_H_
