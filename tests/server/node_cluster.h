// NodeCluster: three nodes of one process, each on a store in memory.
#ifndef KAPPA_TESTS_SERVER_NODE_CLUSTER_H_
#define KAPPA_TESTS_SERVER_NODE_CLUSTER_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
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

  // All nodes run.
  NodeCluster();
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
  // What others hear of the node's clock.
  void SetClock(size_t i, int64_t ahead_us) {
    switch_.SetClock(NodeId(i + 1), ahead_us);
  }

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

 private:
  SystemClock clock_;
  FakeSwitch switch_{&clock_};
  std::array<std::unique_ptr<MemoryHarness>, kNodes> nodes_;
  std::array<std::unique_ptr<NodeDriver>, kNodes> drivers_;
  std::array<bool, kNodes> up_{};
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_NODE_CLUSTER_H_
