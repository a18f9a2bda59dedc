// Hearing: which nodes are heard, and the streams that they began.
#ifndef KAPPA_SERVER_PEER_HEARING_H_
#define KAPPA_SERVER_PEER_HEARING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "server/peer/peer_message.h"
#include "server/peer/peer_status.h"
#include "server/peer/receive_window.h"

namespace kappa::server {

// A stream that another node began.
class HeardStream {
 public:
  virtual ~HeardStream() = default;
  // Ends it soon with `status`; any thread.
  virtual void End(absl::Status status) = 0;
  // Its window has opened again; any thread.
  virtual void OnWindowOpen() = 0;
};

// What a stream counts as it reads.
struct HeardCounters {
  std::atomic<int64_t> last_heard_us{0};
  // By how much the sender's wall clock is ahead of this node's MonotonicUs;
  // once told.
  std::atomic<int64_t> clock_ahead_us{0};
  std::atomic<bool> clock_told{false};
  std::atomic<uint64_t> frames{0};
  std::atomic<uint64_t> messages{0};
  std::atomic<uint64_t> bytes{0};
};

// What the streams of one node and class share, of which the newest one lives.
struct HeardPlace {
  std::shared_ptr<HeardCounters> counters;
  std::shared_ptr<ReceiveWindow> window;
};

// One stream per node and class: a newer one ends the older. All of a node's
// are of one disk: a second disk under the same node id is refused while the
// first one is connected.
//
// Thread safety: thread-safe.
class Hearing {
 public:
  static constexpr size_t kNodesMax = 1024;
  using WindowBytes = std::array<size_t, kPeerClassCount>;

  // The windows of each node, by class.
  explicit Hearing(const WindowBytes& window_bytes)
      : window_bytes_(window_bytes) {}

  // Who began a stream; what its hello says.
  struct Caller {
    NodeId node;
    PeerClass peer_class = PeerClass::kControl;
    std::string address;
    Uuid disk_id{};
    uint64_t open_id = 0;
  };

  // Admits `stream`, heard at `now_us`; ends the one that it replaces, whose
  // window it goes on with.
  // Errors: ALREADY_EXISTS: the node is connected from another disk;
  // RESOURCE_EXHAUSTED: of more than kNodesMax nodes.
  absl::StatusOr<HeardPlace> Admit(const Caller& caller,
                                   std::shared_ptr<HeardStream> stream,
                                   int64_t now_us);
  // The stream has ended. Nothing happens if another one took its place.
  void Remove(NodeId node, PeerClass peer_class, const HeardStream* stream);

  // Ends the node's streams and forgets it.
  void Forget(NodeId node);

  // Ends all streams with `status`; later ones are not concerned.
  void EndAll(const absl::Status& status);

  // When the node was last heard; nullopt: never.
  std::optional<int64_t> LastHeardUs(NodeId node) const;
  // By how much its wall clock, as it said last, is ahead of this node's
  // Clock::MonotonicUs; nullopt: it never said.
  std::optional<int64_t> ClockAheadUs(NodeId node) const;
  absl::flat_hash_map<NodeId, PeerStatus::Hearing> statuses() const;

 private:
  struct Stream {
    std::shared_ptr<HeardStream> live;  // nullptr: none
    HeardPlace place;                   // of the first one on
  };
  struct Node {
    std::string address;
    Uuid disk_id{};
    uint64_t open_id = 0;
    std::array<Stream, kPeerClassCount> streams;
  };

  const WindowBytes window_bytes_;
  mutable Mutex mutex_;
  absl::flat_hash_map<NodeId, Node> nodes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_HEARING_H_
