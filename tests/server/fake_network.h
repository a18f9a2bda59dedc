// FakeNetwork: the PeerNetwork of nodes of one process; a test cuts it.
#ifndef KAPPA_TESTS_SERVER_FAKE_NETWORK_H_
#define KAPPA_TESTS_SERVER_FAKE_NETWORK_H_

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "server/node_directory.h"
#include "server/peer_network.h"

namespace kappa::server {

// Messages go through the real encoding, and arrive at once, in order.
//
// Thread safety: thread-safe. Outlives the nodes.
class FakeSwitch {
 public:
  explicit FakeSwitch(const Clock* clock) : clock_(clock) {}

  // What a node is given; `self` is what it says of itself.
  StartNetwork NetworkOf(NodeInfo self);

  // The node hears nothing and is not heard.
  void Cut(NodeId node);
  void Mend(NodeId node);
  // By how much the node's clock is ahead of true time, as others hear it.
  void SetClock(NodeId node, int64_t ahead_us);
  // From now on nobody tells what it knows of others' disks: the check of
  // RELIABILITY.md S6 is off.
  void HideEvidence();
  // Asks the node; waits for the answer.
  absl::StatusOr<raft::v1::JoinResponse> Join(NodeId node,
                                              raft::v1::JoinRequest request);
  // What the node says to a hello.
  absl::Status Judge(NodeId node, const raft::v1::Hello& hello);
  // Calls answered so far, of all nodes.
  uint64_t calls() const;
  // Messages of a group's replicas delivered so far.
  uint64_t MessagesOf(GroupId group) const;

 private:
  class FakeNetwork;
  struct Endpoint {
    PeerCallbacks callbacks;
    NodeInfo self;
    Identity identity;
    uint64_t open_id = 0;
  };

  // Null when it cannot be reached.
  std::shared_ptr<Endpoint> EndpointOf(NodeId node);
  bool ConnectedLocked(NodeId a, NodeId b) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Greets, once for each start of either end. False: refused.
  bool GreetLocked(NodeId from, NodeId to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  raft::v1::Hello HelloOf(NodeId from, NodeId to, bool answer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(NodeId from, NodeId to, std::vector<PeerMessage> messages);
  bool Hears(NodeId node, NodeId other);
  std::optional<int64_t> ClockAheadUs(NodeId node, NodeId other);
  // The callbacks of `to`; null when it cannot be reached.
  std::shared_ptr<const PeerCallbacks> Reach(NodeId from, NodeId to);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<NodeId, std::shared_ptr<Endpoint>> endpoints_
      ABSL_GUARDED_BY(mutex_);
  std::set<NodeId> cut_ ABSL_GUARDED_BY(mutex_);
  bool evidence_hidden_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<NodeId, int64_t> clocks_ ABSL_GUARDED_BY(mutex_);
  // Who has heard whose clock.
  std::set<std::pair<NodeId, NodeId>> clocks_heard_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<NodeId, NodeId>, uint64_t> greeted_
      ABSL_GUARDED_BY(mutex_);
  MessageEncoder encoder_ ABSL_GUARDED_BY(mutex_);
  MessageDecoder decoder_ ABSL_GUARDED_BY(mutex_);
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<GroupId, uint64_t> messages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_FAKE_NETWORK_H_
