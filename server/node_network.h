// NodeNetwork: joins the shards of a node with the other nodes of its cluster.
//
//   shards ──messages──> PeerNetwork ══> other nodes
//     ^  ^                    │
//     │  └──── Deliver ───────┘
//     └─ Tick, OnNodeLiveness ── a thread that looks at the clock
#ifndef KAPPA_SERVER_NODE_NETWORK_H_
#define KAPPA_SERVER_NODE_NETWORK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "proto/wire/turn_runner.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/met_nodes.h"
#include "server/node_directory.h"
#include "server/partition_router.h"
#include "server/peer_network.h"
#include "storage/generation_ledger.h"

namespace kappa::server {

class NodeNetwork;

// Times in microseconds of Clock::MonotonicUs.
struct NodeNetworkOptions {
  Identity identity;
  uint64_t open_id = 0;  // this start of the node; never 0
  StartNetwork start;
  // What other nodes may ask; `deliver` and `judge` are filled in here.
  PeerCallbacks callbacks;
  const PartitionRouter* router = nullptr;
  NodeDirectory* nodes = nullptr;
  const Clock* clock = nullptr;
  // Of this node's store; absent: nobody is told, and nothing can be noticed.
  storage::GenerationLedger* generations = nullptr;
  // Before anything of this node's groups is said or heard, every node is met,
  // or so much time has passed since a majority (this node included) was: one
  // that remembers more of this disk than the disk does must be able to say so.
  int64_t meeting_us = 300'000;
  // So long a node waits that meets no majority within the first meeting_us: it
  // can do nothing alone, and after a power cut all others may be on their way,
  // the one that remembers as the last. It waits for all of them then.
  int64_t lonely_meeting_us = 5'000'000;
  // Told, once, that this node's disk has forgotten something while it served
  // (MetNodes): all its groups must be silent from now on.
  std::function<void(const absl::Status&)> on_forgot;
  int64_t tick_us = 20'000;
  // A node that was not heard for so long is silent.
  int64_t silent_us = 400'000;
  TurnRunner* turns = nullptr;  // absent: a thread looks at the clock
  // Called at each tick, on the thread that looks at the clock, before the
  // shards are told.
  std::function<void(const NodeNetwork&)> on_look;
  // Called about once a second, on the thread that looks at the clock.
  std::function<void(const NodeNetwork&)> every_second;
};

// Once the directory is current, who connects must be a node that it knows, on
// the disk that it knows.
//
// Thread safety: thread-safe.
class NodeNetwork {
 public:
  // From now on messages come in, and ticks pass. Errors: those of `start`;
  // IsForgotten: this node's disk has forgotten what it promised, and nothing
  // was said or heard.
  static absl::StatusOr<std::unique_ptr<NodeNetwork>> Start(
      NodeNetworkOptions options);
  // As Stop.
  ~NodeNetwork();

  PeerNetwork& peers() { return *peers_; }
  // Connects to every node of the directory whose address is known; again when
  // the directory has changed.
  void FollowDirectory();
  // The median of the wall clocks of the nodes that were ever heard, this one
  // included, less this node's Clock::MonotonicUs.
  int64_t MedianAheadUs() const;
  // How long the node has been heard without a break; 0: it is silent.
  int64_t AliveForUs(NodeId node) const;
  // See PeerNetwork.
  std::optional<int64_t> LastHeardUs(NodeId node) const {
    return peers_->LastHeardUs(node);
  }
  std::vector<PeerTraffic> Traffic() const { return peers_->Traffic(); }
  // Neither messages nor ticks come any more.
  void Stop();

 private:
  struct Peer {
    int64_t since_us = 0;  // when it was expected to be heard first
    bool alive = true;
    int64_t alive_since_us = 0;
    uint64_t open_id = 0;  // 0: it never said
  };

  explicit NodeNetwork(NodeNetworkOptions options)
      : options_(std::move(options)),
        met_(options_.identity.disk_id, options_.generations) {}

  PeerCallbacks Callbacks();
  absl::Status MeetOthers();
  // `majority_us`: when a majority was met first; 0: it was not yet.
  bool MeetsLonger(int64_t begun_us, int64_t* majority_us) const;
  bool serving() const { return serving_.load(std::memory_order_acquire); }
  absl::Status Judge(const raft::v1::Hello& hello);
  // The disk that is known under the node's id.
  absl::StatusOr<NodeInfo> Known(const raft::v1::Greeting& greeting) const;
  raft::v1::Greeting EvidenceAbout(NodeId node) const;
  void TellShards(NodeId node, bool alive) const;
  void Run();
  // Does what is due by the clock; false: nothing is.
  bool LookAtClock();
  void LookAtPeers(int64_t now_us);

  const NodeNetworkOptions options_;
  MetNodes met_;
  // False until every node was met, and once this disk was found to have
  // forgotten.
  std::atomic<bool> serving_{false};
  std::unique_ptr<PeerNetwork> peers_;
  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<NodeId, Peer> known_ ABSL_GUARDED_BY(mutex_);
  // Of the thread that looks at the clock.
  int64_t ticked_us_ = 0;
  int64_t called_us_ = 0;
  std::thread thread_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_NETWORK_H_
