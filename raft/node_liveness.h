// NodeLiveness: which nodes the owner's failure detector holds for dead.
#ifndef KAPPA_RAFT_NODE_LIVENESS_H_
#define KAPPA_RAFT_NODE_LIVENESS_H_

#include <algorithm>
#include <memory>
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
    if (alive == this->alive(node)) return;
    if (silent_ == nullptr) silent_ = std::make_unique<std::vector<NodeId>>();
    if (alive) {
      std::erase(*silent_, node);
    } else {
      silent_->push_back(node);
    }
    if (silent_->empty()) silent_.reset();
  }
  bool alive(NodeId node) const {
    return silent_ == nullptr ||
           std::find(silent_->begin(), silent_->end(), node) == silent_->end();
  }

 private:
  std::unique_ptr<std::vector<NodeId>> silent_;  // nullptr: none
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_NODE_LIVENESS_H_
