// ClusterStatus: what a node knows of its cluster, for people.
#ifndef KAPPA_SERVER_CLUSTER_STATUS_H_
#define KAPPA_SERVER_CLUSTER_STATUS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "kappa/v1/cluster_service.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/disk_state.h"
#include "server/group_survey.h"
#include "server/health_check.h"
#include "server/identity.h"
#include "server/lag_tracker.h"
#include "server/metadata_group.h"
#include "server/node_directory.h"
#include "server/node_network.h"
#include "server/partition_router.h"
#include "server/set_aside_list.h"
#include "server/topic_map.h"
#include "server/topic_snapshot.h"
#include "server/transfer_waiters.h"
#include "server/waiting_nodes.h"
#include "storage/known_damage.h"

namespace kappa::server {

// Nothing is owned; everything outlives the shards' threads.
struct ClusterStatusContext {
  Identity identity;
  const PartitionRouter* router = nullptr;
  const TopicMap* topics = nullptr;
  const NodeDirectory* nodes = nullptr;
  const NodeNetwork* network = nullptr;  // absent: the node is alone
  const DiskState* disk = nullptr;       // absent: there is room
  const Clock* clock = nullptr;
  MetadataGroup* metadata = nullptr;  // of the first shard
  const storage::KnownDamage* known_damage = nullptr;
  WaitingNodes* waiting = nullptr;    // by Clock::NowUs
  SetAsideList* set_aside = nullptr;  // absent: nothing is
};

// What a watcher compares with what was before.
struct ClusterObservation {
  struct Leader {
    std::shared_ptr<const TopicSnapshot> topic;  // absent: the metadata
    uint32_t partition = 0;
    uint64_t node = 0;  // 0: none is known
    Term term;
  };

  NodeId self;
  int64_t time_us = 0;
  std::map<NodeId, bool> heard;
  std::map<GroupId, Leader> leaders;
  v1::GetHealthResponse health;
};

// Answers come on any thread. Errors (to them), besides those named:
// OVERLOADED, SHUTTING_DOWN.
//
// Thread safety: thread-safe.
class ClusterStatus {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  explicit ClusterStatus(ClusterStatusContext context)
      : context_(std::move(context)) {}

  void Describe(Callback<v1::DescribeClusterResponse> done);
  // Partitions `first` to `first + count - 1`, as far as there are. The page
  // token is left to the caller.
  void DescribePartitions(std::shared_ptr<const TopicSnapshot> topic,
                          uint32_t first, uint32_t count,
                          Callback<v1::DescribePartitionsResponse> done);
  void CheckHealth(Callback<v1::GetHealthResponse> done);
  // See TransferWaiters::Begin; also for the metadata group. Errors: also those
  // of PartitionRouter::Route.
  void TransferLeadership(GroupId group, std::optional<NodeId> node,
                          Callback<GroupLeader> done);
  void Observe(Callback<ClusterObservation> done);

 private:
  void TransferMetadata(std::optional<NodeId> node, Callback<GroupLeader> done);
  bool Heard(NodeId node) const;
  // By the wall clock, microseconds; 0: never.
  int64_t LastHeardUs(NodeId node) const;
  std::map<NodeId, int64_t> SilentNodes() const;
  std::vector<std::shared_ptr<const TopicSnapshot>> AllTopics() const;
  using SetAside = std::vector<SetAsideCopy>;
  SetAside AllSetAside() const;
  HealthFacts FactsFrom(GroupSurvey survey, SetAside set_aside) const;
  // Surveys all groups, and the index that the metadata group has applied.
  void SurveyAll(
      absl::AnyInvocable<void(absl::StatusOr<GroupSurvey>, LogIndex)> done);
  v1::DescribeClusterResponse Description(const GroupSurvey& survey,
                                          LogIndex applied) const;
  v1::PartitionStatus StatusOf(const TopicSnapshot& topic, uint32_t partition,
                               const GroupSurvey& survey) const;
  ClusterObservation ObservationOf(GroupSurvey survey, SetAside set_aside);

  const ClusterStatusContext context_;
  LagTracker lags_;
};

// A Node that knows of its cluster implements it too.
class ClusterStatusOwner {
 public:
  virtual ~ClusterStatusOwner() = default;
  // As long as the node.
  virtual ClusterStatus* cluster_status() = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CLUSTER_STATUS_H_
