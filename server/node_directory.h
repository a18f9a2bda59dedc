// NodeDirectory: where the nodes of the cluster can be reached.
#ifndef KAPPA_SERVER_NODE_DIRECTORY_H_
#define KAPPA_SERVER_NODE_DIRECTORY_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/wire/mutex.h"
#include "proto/wire/types.h"

namespace kappa::server {

// A node of the cluster. Addresses are HOST:PORT, empty where not known.
struct NodeInfo {
  NodeId node;
  Uuid disk_id{};
  std::string address;         // for nodes
  std::string client_address;  // for clients
  std::string rack;
  // Of its replicas: which disk of the node this is, counted.
  Incarnation incarnation = Incarnation(1);
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

// What the metadata group says about the nodes, and what each node says about
// itself when it connects, which is newer.
//
// Thread safety: thread-safe.
class NodeDirectory {
 public:
  // What a node says about itself: adds it, or replaces what is known. Once
  // that is current, left out if the node is not known on that disk.
  void SetTold(NodeInfo node) {
    MutexLock lock(&mutex_);
    if (current_) {
      const auto known = nodes_.find(node.node);
      if (known == nodes_.end() || known->second.disk_id != node.disk_id) {
        return;
      }
    }
    told_.insert(node.node);
    nodes_[node.node] = std::move(node);
  }

  // All nodes that the metadata group names. What it says about one that has
  // said something itself may be older, and is left out.
  void SetCommitted(const std::vector<NodeInfo>& nodes) {
    MutexLock lock(&mutex_);
    TakeCommitted(nodes);
  }

  // As SetCommitted, with what the metadata group says at some time since this
  // node started.
  void SetCurrent(const std::vector<NodeInfo>& nodes) {
    MutexLock lock(&mutex_);
    TakeCommitted(nodes);
    current_ = true;
  }

  // Who is known before the metadata group has said anything.
  void SetFounder(const NodeInfo& node) {
    MutexLock lock(&mutex_);
    nodes_.try_emplace(node.node, node);
  }

  // Whether SetCurrent was called: before, there may be nodes, and disks of
  // nodes, that are not known here.
  bool current() const {
    MutexLock lock(&mutex_);
    return current_;
  }

  std::optional<NodeInfo> Find(NodeId node) const {
    MutexLock lock(&mutex_);
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return std::nullopt;
    return found->second;
  }

  // Where the node serves clients; empty when that is not known.
  std::string ClientAddressOf(NodeId node) const {
    const std::optional<NodeInfo> found = Find(node);
    return found.has_value() ? found->client_address : std::string();
  }

  // By id.
  std::vector<NodeInfo> All() const {
    MutexLock lock(&mutex_);
    std::vector<NodeInfo> all;
    for (const auto& [id, node] : nodes_) all.push_back(node);
    return all;
  }

 private:
  void TakeCommitted(const std::vector<NodeInfo>& nodes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const NodeInfo& node : nodes) {
      NodeInfo& known = nodes_[node.node];
      if (!told_.contains(node.node) || known.disk_id != node.disk_id) {
        known = node;
      }
      // No node says that about itself.
      known.incarnation = node.incarnation;
    }
  }

  mutable Mutex mutex_;
  std::map<NodeId, NodeInfo> nodes_ ABSL_GUARDED_BY(mutex_);
  std::set<NodeId> told_ ABSL_GUARDED_BY(mutex_);
  bool current_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_DIRECTORY_H_
