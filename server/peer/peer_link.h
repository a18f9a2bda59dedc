// PeerLink: the way to one node for one class, which keeps a stream to it.
//
//   kConnecting ──OnConnected──> kConnected
//      ^  │                          │
//      │  └────────OnDone────────────┤
//      └──jittered back-off── kBackoff <┘          Stop: kStopped, for ever
#ifndef KAPPA_SERVER_PEER_PEER_LINK_H_
#define KAPPA_SERVER_PEER_PEER_LINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "server/peer/backoff.h"
#include "server/peer/peer_message.h"
#include "server/peer/peer_status.h"
#include "server/peer/peer_stream.h"
#include "server/peer/send_queue.h"

namespace kappa::server {

class PeerLink;

// Begins an attempt to reach `address`; the stream takes what it sends from
// link->queue() and says what becomes of it under the number `attempt`.
using StreamFactory = std::function<std::shared_ptr<PeerStream>(
    const std::string& address, std::shared_ptr<PeerLink> link,
    uint64_t attempt)>;

struct PeerLinkOptions {
  NodeId node;
  PeerClass peer_class = PeerClass::kControl;
  size_t queue_bytes_max = 0;
  int64_t backoff_first_us = 50'000;
  // A connection that lasts so long ends the back-off; a shorter one failed.
  int64_t backoff_longest_us = 2'000'000;
  // An attempt without an answer is given up after so long.
  int64_t connect_timeout_us = 3'000'000;
  // Something is sent at least so often, be it an empty frame; 0: it is not.
  int64_t beat_period_us = 0;
  uint64_t seed = 0;
  const Clock* clock = nullptr;
  StreamFactory factory;
  // Tick should be called now; from any thread.
  std::function<void()> wake;
};

// What is sent while an attempt is under way waits for its end; during the
// back-off it is dropped, and what waited is dropped when a stream ends: Raft
// sends again, and nothing old is sent to a node that was away.
//
// Thread safety: thread-safe, but Tick is called by one thread. Held by
// shared_ptr, since a stream may outlive the transport's interest in the node.
class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  // The first attempt begins at the first Tick.
  PeerLink(PeerLinkOptions options, std::string address);

  // Adds to the queue, or drops. Never waits.
  void Send(std::vector<PeerMessage> messages);

  // Does what is due; returns the time at which it wants to be called again.
  int64_t Tick();

  // Another address; the present stream ends, and the next attempt is at once.
  void Readdress(const std::string& address);
  // The node was heard: ends the back-off.
  void RetryNow();
  // Ends the stream and never begins another.
  void Stop();

  LinkStatus status() const;

  // ---- for the stream ----
  NodeId node() const { return options_.node; }
  PeerClass peer_class() const { return options_.peer_class; }
  SendQueue* queue() { return &queue_; }
  void OnConnected(uint64_t attempt);
  void OnDone(uint64_t attempt, const absl::Status& status);
  // A frame was handed to the network.
  void CountFrame(size_t messages, size_t bytes);

 private:
  // Sends a beat if it is time; returns when it is the next time.
  int64_t Beat(PeerStream* stream, int64_t now_us);
  // Begins an attempt. Called by Tick only.
  void Attempt();
  void Enter(LinkState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LogEnd(const absl::Status& status, const std::string& address) const;

  const PeerLinkOptions options_;
  SendQueue queue_;
  std::atomic<uint64_t> sent_frames_{0};
  std::atomic<uint64_t> sent_messages_{0};
  std::atomic<uint64_t> sent_bytes_{0};

  mutable Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  LinkState state_ ABSL_GUARDED_BY(mutex_) = LinkState::kBackoff;
  int64_t since_us_ ABSL_GUARDED_BY(mutex_);
  // In kBackoff: when the next attempt begins.
  int64_t retry_at_us_ ABSL_GUARDED_BY(mutex_);
  int64_t beat_at_us_ ABSL_GUARDED_BY(mutex_) = 0;
  bool skip_backoff_ ABSL_GUARDED_BY(mutex_) = false;
  // From the begin of an attempt to its OnDone.
  bool in_flight_ ABSL_GUARDED_BY(mutex_) = false;
  // An attempt that timed out was told so.
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  Backoff backoff_ ABSL_GUARDED_BY(mutex_);
  // Of the present attempt; nullptr until the factory has returned.
  std::shared_ptr<PeerStream> stream_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_LINK_H_
