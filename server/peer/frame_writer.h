// FrameWriter: messages as one ConnectRequest, content by reference.
#ifndef KAPPA_SERVER_PEER_FRAME_WRITER_H_
#define KAPPA_SERVER_PEER_FRAME_WRITER_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/message_encoder.h"
#include "server/peer/peer_message.h"
#include "server/rpc/wire_message.h"

namespace kappa::server {

// The bytes are those that MessageEncoder would make of message and contents;
// the contents themselves are not copied, small ones excepted.
//
// Thread safety: thread-compatible.
class FrameWriter {
 public:
  // The frame of `messages`, in their order; none make the empty frame.
  // `clock_us`: the sender's clock, `cycle`: how far its disk has come; 0: not
  // told.
  // Requires: each has as many contents as entries, and a state of its chunk's
  // size.
  WireMessage Write(const std::vector<PeerMessage>& messages,
                    int64_t clock_us = 0, uint64_t cycle = 0);

 private:
  WireMessage Encode(const PeerMessage& message);

  MessageEncoder encoder_;
  std::string head_;  // the message without contents
  std::vector<std::string_view> no_contents_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_FRAME_WRITER_H_
