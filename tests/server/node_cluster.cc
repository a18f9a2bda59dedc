#include "tests/server/node_cluster.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/cluster_status.h"
#include "server/random_uuid.h"
#include "tests/server/awaited.h"

namespace kappa::server {
namespace {

constexpr int64_t kTickUs = 10'000;
constexpr int64_t kAwaitUs = 30'000'000;

}  // namespace

NodeCluster::NodeCluster(const Prepare& prepare) {
  free_bytes_.fill(kAmpleBytes);
  std::vector<NodeInfo> founders;
  for (size_t i = 0; i < kNodes; ++i) {
    NodeInfo info;
    info.node = NodeId(i + 1);
    info.disk_id = RandomUuid();
    info.address = absl::StrCat("peer", i + 1, ":1");
    info.client_address = absl::StrCat("client", i + 1, ":1");
    founders.push_back(info);
  }
  const Uuid cluster_id = RandomUuid();
  for (size_t i = 0; i < kNodes; ++i) {
    nodes_[i] = std::make_unique<MemoryHarness>();
    MemoryHarness& node = *nodes_[i];
    node.identity = {.cluster_id = cluster_id,
                     .node_id = founders[i].node,
                     .disk_id = founders[i].disk_id,
                     .formed = false,
                     .founders = founders};
    auto guard = DiskGuard::Start(
        {.data_dir = "",
         .settings = {.low_bytes = kLowBytes,
                      .critical_bytes = kCriticalBytes,
                      .ballast_bytes = 0},
         .reserve_bytes = 0,
         .probe = [this, i]() -> absl::StatusOr<FileSystemSpace> {
           return FileSystemSpace{2 * kAmpleBytes, free_bytes_[i]};
         }});
    KAPPA_CHECK(guard.ok(), "the space is told");
    guards_[i] = *std::move(guard);
    node.options.disk = guards_[i]->state();
    node.options.clock = &clocks_[i];
    node.options.tick_us = kTickUs;
    node.options.self = founders[i];
    node.options.start_network = switch_.NetworkOf(founders[i]);
    drivers_[i] = std::make_unique<NodeDriver>(&node);
    if (prepare) prepare(i, node);
    Start(i);
  }
}

NodeCluster::~NodeCluster() {
  // None hands over to one that is about to end.
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i)) Kill(i);
  }
}

void NodeCluster::Start(size_t i) {
  const absl::Status opened = nodes_[i]->Open();
  KAPPA_CHECK(opened.ok(), "a node starts on what its store holds");
  up_[i] = true;
}

void NodeCluster::Stop(size_t i) {
  up_[i] = false;
  nodes_[i]->Stop();
}

void NodeCluster::Kill(size_t i) {
  up_[i] = false;
  Cut(i);
  nodes_[i]->Kill();
  Mend(i);
}

void NodeCluster::SetClock(size_t i, int64_t ahead_us) {
  clocks_[i].SetAhead(ahead_us);
  switch_.SetClock(NodeId(i + 1), ahead_us);
}

void NodeCluster::LeaveFree(size_t i, uint64_t bytes) {
  free_bytes_[i] = bytes;
  guards_[i]->Check();
}

bool NodeCluster::Await(const std::function<bool()>& holds) {
  const int64_t end_us = clock_.MonotonicUs() + kAwaitUs;
  while (!holds()) {
    if (clock_.MonotonicUs() > end_us) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void NodeCluster::MakeTopic(const std::string& name, uint32_t partitions) {
  v1::CreateTopicRequest request;
  request.set_name(name);
  request.set_partitions(partitions);
  request.set_deletion_protection(false);
  const bool made = Await([&] {
    for (size_t i = 0; i < kNodes; ++i) {
      if (up(i) && driver(i).CreateTopic(request).ok()) return true;
    }
    return false;
  });
  KAPPA_CHECK(made, "a majority makes the topic");
  const bool known = Await([&] {
    for (size_t i = 0; i < kNodes; ++i) {
      if (up(i) && node(i).FindTopic(name) == nullptr) return false;
    }
    return true;
  });
  KAPPA_CHECK(known, "every node learns of the topic");
}

GroupId NodeCluster::GroupOf(const std::string& topic, uint32_t partition) {
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i)) return driver(i).GroupOf(topic, partition);
  }
  KAPPA_CHECK(false, "no node runs");
  return GroupId(0);
}

size_t NodeCluster::Leader(GroupId group) {
  size_t leader = kNodes;
  const bool found = Await([&] {
    for (size_t i = 0; i < kNodes; ++i) {
      // It fails where the group is not led, and changes nothing.
      if (!up(i)) continue;
      const auto refused =
          driver(i).Append(group, {"x"}, std::nullopt, uint64_t{1} << 60);
      if (ReasonOf(refused.status()) == "EXPECTED_OFFSET_MISMATCH") {
        leader = i;
        return true;
      }
    }
    return false;
  });
  KAPPA_CHECK(found, "a majority elects a leader");
  return leader;
}

AppendResult NodeCluster::Append(GroupId group, const std::string& value,
                                 std::optional<v1::ProducerSequence> producer) {
  absl::StatusOr<AppendResult> result = absl::UnknownError("not tried");
  const bool stored = Await([&] {
    for (size_t i = 0; i < kNodes && !result.ok(); ++i) {
      if (up(i)) result = driver(i).Append(group, {value}, producer);
    }
    return result.ok();
  });
  KAPPA_CHECK(stored, "a majority stores the batch");
  return *std::move(result);
}

std::vector<std::string> NodeCluster::ReadAll(size_t i, GroupId group,
                                              uint64_t end) {
  KAPPA_CHECK(Await([&] {
                const auto at = driver(i).GetEnd(group);
                return at.ok() && at->end_offset.value() >= end;
              }),
              "the node catches up");
  return driver(i).ReadAll(group);
}

ReplicaNumber NodeCluster::NumberOf(size_t i, GroupId group) {
  for (const auto& replica : harness(i).any_store().Replicas()) {
    if (replica.spec.group == group) return replica.number;
  }
  return ReplicaNumber();
}

LogIndex NodeCluster::StoredUpTo(size_t i, GroupId group) {
  const auto position = harness(i).any_store().Position(NumberOf(i, group));
  KAPPA_CHECK(position.ok(), "the node holds the group");
  return position->last.index;
}

namespace {

ClusterStatus& ClusterStatusOf(Node& node) {
  return *dynamic_cast<ClusterStatusOwner&>(node).cluster_status();
}

}  // namespace

v1::PartitionStatus NodeCluster::StatusOf(size_t i, const std::string& topic,
                                          uint32_t partition) {
  Awaited<v1::DescribePartitionsResponse> answer;
  ClusterStatusOf(node(i)).DescribePartitions(node(i).FindTopic(topic),
                                              partition, 1, answer.callback());
  const auto response = answer.Get();
  KAPPA_CHECK(response.ok(), "a node tells of its partitions");
  return response->partitions(0);
}

v1::GetHealthResponse NodeCluster::Health(size_t i) {
  Awaited<v1::GetHealthResponse> answer;
  ClusterStatusOf(node(i)).CheckHealth(answer.callback());
  const auto response = answer.Get();
  KAPPA_CHECK(response.ok(), "a node tells its health");
  return *response;
}

absl::Status NodeCluster::TransferLeadership(size_t i, GroupId group,
                                             NodeId to) {
  Awaited<GroupLeader> answer;
  ClusterStatusOf(node(i)).TransferLeadership(group, to, answer.callback());
  return answer.Get().status();
}

}  // namespace kappa::server
