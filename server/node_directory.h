// NodeDirectory: where the nodes of the cluster can be reached.
#ifndef KAPPA_SERVER_NODE_DIRECTORY_H_
#define KAPPA_SERVER_NODE_DIRECTORY_H_

#include <map>
#include <optional>
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
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

// What the metadata group says about the nodes, and what each node says about
// itself when it connects, which is newer.
//
// Thread safety: thread-safe.
class NodeDirectory {
 public:
  // Adds the node, or replaces what is known about it.
  void Set(NodeInfo node) {
    MutexLock lock(&mutex_);
    nodes_[node.node] = std::move(node);
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
  mutable Mutex mutex_;
  std::map<NodeId, NodeInfo> nodes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_DIRECTORY_H_
