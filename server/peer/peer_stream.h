// PeerStream: one attempt to reach a node, and the stream if it succeeds.
#ifndef KAPPA_SERVER_PEER_PEER_STREAM_H_
#define KAPPA_SERVER_PEER_PEER_STREAM_H_

#include <cstdint>

#include "absl/status/status.h"

namespace kappa::server {

// Made by a StreamFactory of PeerLink, which it tells OnConnected at most once,
// and OnDone once as the last thing, from any thread and not from within the
// methods here.
//
// Thread safety: thread-safe; the methods never wait.
class PeerStream {
 public:
  virtual ~PeerStream() = default;
  // Something waits in the link's queue.
  virtual void Pump() = 0;
  // Sends an empty frame, unless something was sent after `quiet_since_us`, by
  // Clock::MonotonicUs. Returns when something was sent last.
  virtual int64_t Beat(int64_t quiet_since_us) = 0;
  // Ends the stream soon; OnDone then says `reason`.
  virtual void Cancel(absl::Status reason) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_STREAM_H_
