// FrameReader: the messages of one ConnectRequest, content by reference.
#ifndef KAPPA_SERVER_PEER_FRAME_READER_H_
#define KAPPA_SERVER_PEER_FRAME_READER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "server/message_decoder.h"
#include "server/peer/peer_message.h"

namespace kappa::server {

// Believes nothing: what MessageDecoder refuses, what names other nodes than
// those of the handshake, what is no message at all and what would take too
// much memory when parsed is refused.
//
// Thread safety: thread-compatible.
class FrameReader {
 public:
  // For a stream from the node `from` to this node, `to`.
  FrameReader(NodeId from, NodeId to) : from_(from), to_(to) {}

  // Calls `take` for each message of the frame in their order, up to the first
  // one that is refused, or that would make them hold more than
  // kPeerMessageBytesMax together (CostOf). A content shares the frame's owner
  // if it is above kPeerCopiedBytesMax and at least a sixteenth of the
  // frame (kPeerCopiedFramePart), which it would keep.
  // Errors: INVALID_ARGUMENT, naming field and value; the stream must end.
  absl::Status Read(const Payload& frame,
                    const std::function<void(PeerMessage)>& take);
  // What the newest frame said about its sender's clock; 0: nothing.
  int64_t clock_us() const { return clock_us_; }
  // How far its sender's disk has come, also for `take`; 0: it did not say.
  uint64_t cycle() const { return cycle_; }

 private:
  absl::Status ReadMessage(const Payload& bytes, PeerMessage* out);
  bool MustCopy(size_t content_bytes) const;
  // Splits the message into head_ and contents.
  absl::Status Split(const Payload& bytes, std::vector<Payload>* contents);
  absl::Status AddEntry(const Payload& entry, std::vector<Payload>* contents);
  absl::Status AddChunk(const Payload& chunk);

  const NodeId from_;
  const NodeId to_;
  MessageDecoder decoder_;
  std::string head_;  // the message without contents
  std::string rest_;
  size_t state_bytes_ = 0;  // of head_, within a chunk
  size_t frame_bytes_ = 0;
  int64_t clock_us_ = 0;
  uint64_t cycle_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_FRAME_READER_H_
