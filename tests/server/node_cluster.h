// NodeCluster: three nodes of one process, each on a store in memory, or on one
// that a test brings.
#ifndef KAPPA_TESTS_SERVER_NODE_CLUSTER_H_
#define KAPPA_TESTS_SERVER_NODE_CLUSTER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/cluster_service.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/disk_guard.h"
#include "server/identity.h"
#include "tests/server/fake_network.h"
#include "tests/server/memory_harness.h"
#include "tests/server/node_driver.h"

namespace kappa::server {

// Time is real: ticks of 10 ms, elections within some 200 ms. Nothing is
// asserted about it; what shall become true is waited for, 30 s at most.
class NodeCluster {
 public:
  static constexpr size_t kNodes = 3;
  // What is free on a node's disk at first, and what a node wants of it.
  static constexpr uint64_t kAmpleBytes = uint64_t{1} << 30;
  static constexpr uint64_t kLowBytes = uint64_t{8} << 20;
  static constexpr uint64_t kCriticalBytes = uint64_t{4} << 20;
  // Done with each node before it starts for the first time.
  using Prepare = std::function<void(size_t i, MemoryHarness& node)>;

  // All nodes run.
  explicit NodeCluster(const Prepare& prepare = nullptr);
  ~NodeCluster();

  // Nodes by number, from 0; their ids are one more.
  Node& node(size_t i) { return harness(i).node(); }
  NodeDriver& driver(size_t i) { return *drivers_[i]; }
  bool up(size_t i) const { return up_[i]; }
  MemoryHarness& harness(size_t i) { return *nodes_[i]; }
  // A clean end, and one without any.
  void Stop(size_t i);
  void Kill(size_t i);
  void Start(size_t i);
  void Cut(size_t i) { switch_.Cut(NodeId(i + 1)); }
  void Mend(size_t i) { switch_.Mend(NodeId(i + 1)); }
  // Messages between the group's replicas so far.
  uint64_t MessagesOf(GroupId group) const { return switch_.MessagesOf(group); }
  // By how much the node's wall clock is ahead of true time.
  void SetClock(size_t i, int64_t ahead_us);
  // What is free on the node's disk from now on.
  void LeaveFree(size_t i, uint64_t bytes);

  // Waits until it holds; false when it does not within 30 s.
  bool Await(const std::function<bool()>& holds);
  // Makes the topic wherever that can be done, and waits until every node that
  // runs knows it.
  void MakeTopic(const std::string& name, uint32_t partitions);
  GroupId GroupOf(const std::string& topic, uint32_t partition);
  // Who answers a linearizable question about the group as its leader; waits.
  size_t Leader(GroupId group);
  // Appends where the group is led, as often as it takes for an answer that is
  // sure. Requires: a majority runs.
  AppendResult Append(GroupId group, const std::string& value,
                      std::optional<v1::ProducerSequence> producer);
  // What a node holds, once its end is `end`.
  std::vector<std::string> ReadAll(size_t i, GroupId group, uint64_t end);
  // The node's replica of the group; 0: none.
  ReplicaNumber NumberOf(size_t i, GroupId group);
  // The end of the node's log of the group, as it is stored.
  LogIndex StoredUpTo(size_t i, GroupId group);

  // What node `i` says of the cluster.
  v1::PartitionStatus StatusOf(size_t i, const std::string& topic,
                               uint32_t partition);
  v1::GetHealthResponse Health(size_t i);
  // Asks node `i` to hand the group's leadership to `to`.
  absl::Status TransferLeadership(size_t i, GroupId group, NodeId to);

 private:
  class OffsetClock final : public Clock {
   public:
    int64_t NowUs() const override { return clock_.NowUs() + ahead_us_.load(); }
    int64_t MonotonicUs() const override { return clock_.MonotonicUs(); }
    void SetAhead(int64_t us) { ahead_us_.store(us); }

   private:
    SystemClock clock_;
    std::atomic<int64_t> ahead_us_{0};
  };

  SystemClock clock_;
  FakeSwitch switch_{&clock_};
  std::array<OffsetClock, kNodes> clocks_;
  std::array<uint64_t, kNodes> free_bytes_;
  std::array<std::unique_ptr<DiskGuard>, kNodes> guards_;
  std::array<std::unique_ptr<MemoryHarness>, kNodes> nodes_;
  std::array<std::unique_ptr<NodeDriver>, kNodes> drivers_;
  std::array<bool, kNodes> up_{};
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_NODE_CLUSTER_H_
