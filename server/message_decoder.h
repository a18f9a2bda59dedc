// MessageDecoder: a raft::Message from the bytes of another node.
#ifndef KAPPA_SERVER_MESSAGE_DECODER_H_
#define KAPPA_SERVER_MESSAGE_DECODER_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kappa/raft/v1/message.pb.h"
#include "raft/message.h"

namespace kappa {

// What was decoded. Every handle in `message` is 0: the receiver sets them.
struct DecodedMessage {
  raft::Message message;
  // One for each entry; views into the decoder's memory.
  std::vector<std::string_view> contents;
  std::string_view state;  // of message.chunk
};

// Decodes kappa.raft.v1.Message, and refuses what no core may be given: the
// bytes are foreign, so nothing in them is believed. Allocates nothing for
// messages without configuration or chunk once it has met others of the size.
//
// Thread safety: thread-compatible.
class MessageDecoder {
 public:
  // Decodes into decoded(), which is unspecified after an error.
  // Errors: INVALID_ARGUMENT, naming field and value; the caller drops the
  // message, and the connection, since its sender does not speak the protocol.
  absl::Status Decode(std::string_view bytes);

  // The newest one; valid, with its views, until the next Decode().
  const DecodedMessage& decoded() const { return decoded_; }
  // The same, for setting handles.
  DecodedMessage& decoded() { return decoded_; }

 private:
  void CopyScalars();
  absl::Status CopyEntries();
  absl::Status CopyTermStarts();
  absl::Status CopyChunk();

  raft::v1::Message scratch_;  // keeps its memory between messages
  DecodedMessage decoded_;
};

}  // namespace kappa

#endif  // KAPPA_SERVER_MESSAGE_DECODER_H_
