// NodeMetrics: the numbers of a node as Prometheus collects them. Names carry
// their unit; labels have few values (shard, reason, read class), never a
// topic or a partition.
#ifndef KAPPA_SERVER_METRICS_H_
#define KAPPA_SERVER_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/node_stats.h"
#include "server/rpc/rpc_stats.h"

namespace kappa::server {

class Node;

// Reads the numbers when asked; costs nothing in between.
//
// Thread safety: thread-safe. Node and stats outlive it.
class NodeMetrics final : public prometheus::Collectable {
 public:
  NodeMetrics(const Node* node, const RpcStats* rpc, std::string data_dir,
              std::string version);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Node* const node_;
  const RpcStats* const rpc_;
  const std::string data_dir_;
  const std::string version_;
};

// Where each partition stands, on a page of its own: many series, for whoever
// asks for them.
//
// Thread safety: thread-safe. The node outlives it.
class PartitionMetrics final : public prometheus::Collectable {
 public:
  // Bounds the page: the first partitions by topic and number.
  static constexpr size_t kPartitionsMax = 10'000;

  explicit PartitionMetrics(const Node* node) : node_(node) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Node* const node_;
};

// The families of what a node counts; a function of its argument.
std::vector<prometheus::MetricFamily> NodeFamilies(const NodeStats& stats);
// The same of partitions, of which the node has `all`.
std::vector<prometheus::MetricFamily> PartitionFamilies(
    const std::vector<PartitionStats>& partitions, uint64_t all);
// The same of the network face.
std::vector<prometheus::MetricFamily> RpcFamilies(const RpcStats& stats);
// Memory and processor time of this process, space around `data_dir`.
std::vector<prometheus::MetricFamily> ProcessFamilies(
    const std::string& data_dir);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METRICS_H_
