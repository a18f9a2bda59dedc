// NodeLiveness: which nodes the owner's failure detector holds for dead.
#ifndef KAPPA_RAFT_NODE_LIVENESS_H_
#define KAPPA_RAFT_NODE_LIVENESS_H_

#include <algorithm>
#include <vector>

#include "proto/wire/types.h"

namespace kappa::raft {

// A node is alive until it is reported silent. Liveness is tracked per node,
// not per group, so that a sleeping group costs nothing.
//
// Thread safety: thread-compatible.
class NodeLiveness {
 public:
  void Record(NodeId node, bool alive) {
    auto found = std::find(silent_.begin(), silent_.end(), node);
    if (alive && found != silent_.end()) silent_.erase(found);
    if (!alive && found == silent_.end()) silent_.push_back(node);
  }
  bool alive(NodeId node) const {
    return std::find(silent_.begin(), silent_.end(), node) == silent_.end();
  }

 private:
  std::vector<NodeId> silent_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_NODE_LIVENESS_H_
