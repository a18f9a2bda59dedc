// SendQueue: messages of one class that wait for their way to one node.
#ifndef KAPPA_SERVER_PEER_SEND_QUEUE_H_
#define KAPPA_SERVER_PEER_SEND_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "server/peer/peer_message.h"

namespace kappa::server {

// First in, first out; bounded in bytes (CostOf). What does not fit is dropped
// and counted: Raft sends again what it misses. A closed queue drops all.
//
// Invariant: bytes() <= bytes_max, unless a single message is larger; that one
// is taken by an empty queue only.
// Thread safety: thread-safe.
class SendQueue {
 public:
  // Since the queue was made.
  struct Counters {
    uint64_t accepted = 0;
    uint64_t dropped_full = 0;       // no room
    uint64_t dropped_closed = 0;     // nobody to send to, or lost with it
    uint64_t dropped_too_large = 0;  // above kPeerMessageBytesMax
  };

  explicit SendQueue(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Accepts from now on.
  void Open();
  // Drops what waits, and everything until Open.
  void Close();

  // Adds the messages in their order; those of one call are neighbours. Later
  // ones that fit are added even when an earlier one did not. Never waits.
  void Push(std::vector<PeerMessage> messages);

  // Moves the oldest messages to `out`: the first, and further ones while their
  // cost stays within `bytes_max` together. Returns how many.
  size_t Take(size_t bytes_max, std::vector<PeerMessage>* out);

  // Cost of what waits, in bytes.
  size_t bytes() const;
  Counters counters() const;

 private:
  struct Waiting {
    PeerMessage message;
    size_t cost;
  };

  const size_t bytes_max_;
  mutable Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Counters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_SEND_QUEUE_H_
