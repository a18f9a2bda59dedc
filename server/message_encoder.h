// MessageEncoder: a raft::Message as bytes for another node.
#ifndef KAPPA_SERVER_MESSAGE_ENCODER_H_
#define KAPPA_SERVER_MESSAGE_ENCODER_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "kappa/raft/v1/message.pb.h"
#include "raft/message.h"

namespace kappa {

// Encodes messages as kappa.raft.v1.Message. What the core does not know, the
// content of entries and the state bytes of a base, comes from the caller.
// Allocates nothing once it has met messages of the same size.
//
// Thread safety: thread-compatible.
class MessageEncoder {
 public:
  // Replaces `out` by the encoded message. `contents[i]` is the i-th entry as
  // the caller's log holds it, `state` the bytes of the message's chunk.
  // Requires: contents has as many elements as message.entries; state has
  // message.chunk->bytes bytes, none without a chunk.
  void Encode(const raft::Message& message,
              absl::Span<const std::string_view> contents,
              std::string_view state, std::string* out);

 private:
  raft::v1::Message scratch_;  // keeps its memory between messages
};

}  // namespace kappa

#endif  // KAPPA_SERVER_MESSAGE_ENCODER_H_
