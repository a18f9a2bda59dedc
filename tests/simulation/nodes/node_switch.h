// NodeSwitch: the network between simulated nodes.
#ifndef KAPPA_TESTS_SIMULATION_NODES_NODE_SWITCH_H_
#define KAPPA_TESTS_SIMULATION_NODES_NODE_SWITCH_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "server/node_directory.h"
#include "server/peer_network.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Promises what server/peer promises: to each node, of each class, messages
// arrive in the order of Send, each at most once; a broken connection loses
// what is under way; who connects greets, and is judged. Messages go through
// the real encoding.
//
// Thread safety: thread-compatible.
class NodeSwitch {
 public:
  explicit NodeSwitch(World* world) : world_(world) {}

  // What a process is given; `self` is what it says of itself, `clock` its own.
  server::StartNetwork NetworkOf(server::NodeInfo self, const Clock* clock);

  // What has arrived is delivered, who may connect does.
  void Step();

  // --- faults ---

  void CutWay(NodeId from, NodeId to) { cut_.insert({from, to}); }
  void MendWay(NodeId from, NodeId to) { cut_.erase({from, to}); }
  bool cut(NodeId from, NodeId to) const { return cut_.contains({from, to}); }
  void Break(NodeId node);
  // A process that stands still takes nothing.
  void SetPaused(NodeId node, bool paused);
  uint32_t lost_ppm = 0;
  int64_t delay_us_max = 1'000;
  int64_t class_delay_us_max = 0;

  // Asks `to` to take the node in. `done` is called once.
  void Join(NodeId to, raft::v1::JoinRequest request,
            server::PeerCallbacks::Done<raft::v1::JoinResponse> done);

  // Calls `run` after so long.
  void After(int64_t us, std::function<void()> run);

 private:
  class Network;
  struct Endpoint {
    server::PeerCallbacks callbacks;
    server::NodeInfo self;
    server::Identity identity;
    uint64_t open_id = 0;
    const Clock* clock = nullptr;
    std::map<NodeId, int64_t> heard_us;        // by this node's clock
    std::map<NodeId, int64_t> clock_ahead_us;  // of others
  };
  using End = std::shared_ptr<Endpoint>;
  struct Packet {
    int64_t arrives_us = 0;
    int64_t clock_us = 0;  // of the sender's wall clock
    uint64_t cycle = 0;    // how far the sender's disk has come
    std::string bytes;     // empty: a beat
  };
  // From one node to another.
  struct Way {
    uint64_t from_open = 0;
    uint64_t to_open = 0;  // both 0: not connected
    int64_t next_try_us = 0;
    int64_t next_beat_us = 0;
    int64_t cut_since_us = -1;
    std::array<int64_t, server::kPeerClassCount> slower_us{};
    std::array<std::deque<Packet>, server::kPeerClassCount> queues;
  };
  // A call under way: `run` at a time, unless it is late.
  struct Call {
    NodeId from;
    NodeId to;
    int64_t late_us = 0;
    std::function<void()> run;
    std::function<void(const absl::Status&)> fail;
  };

  End Find(NodeId node) const;
  bool Connected(const Way& way, const End& from, const End& to) const;
  void Connect(NodeId from, NodeId to, Way* way);
  // `answer`: to a hello.
  bool Judge(const Endpoint& caller, const Endpoint& called, bool answer) const;
  void Enqueue(NodeId from, NodeId to,
               std::vector<server::PeerMessage> messages);
  void Break(NodeId from, NodeId to);
  void Put(const Endpoint& from, Way* way, size_t peer_class,
           std::string bytes);
  void StepWay(NodeId from, NodeId to);
  // False: it is not listened to.
  bool Take(const End& from, const End& to, const Packet& packet);
  void StepCalls();
  // Both halves of a call. `ask` is called at the other node.
  template <typename Response>
  void Begin(
      NodeId from, NodeId to, int64_t timeout_us,
      std::function<void(const End&, server::PeerCallbacks::Done<Response>)>
          ask,
      server::PeerCallbacks::Done<Response> done);
  void FailCallsOf(NodeId node);

  World* const world_;
  std::map<NodeId, End> endpoints_;
  std::map<std::pair<NodeId, NodeId>, Way> ways_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  std::set<NodeId> paused_;
  std::multimap<int64_t, Call> calls_;  // by time
  MessageEncoder encoder_;
  MessageDecoder decoder_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_NODE_SWITCH_H_
