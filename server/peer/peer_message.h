// PeerMessage: a raft::Message on its way to another node, with its bytes.
#ifndef KAPPA_SERVER_PEER_PEER_MESSAGE_H_
#define KAPPA_SERVER_PEER_PEER_MESSAGE_H_

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "proto/wire/payload.h"
#include "raft/message.h"

namespace kappa::server {

// What a stream carries; each class has a connection of its own.
enum class PeerClass {
  kControl,  // heartbeats, votes, acknowledgements, reads
  kEntries,  // append requests with entries
  kBulk,     // bases, fetched and repaired entries
};
inline constexpr std::array<PeerClass, 3> kPeerClasses = {
    PeerClass::kControl, PeerClass::kEntries, PeerClass::kBulk};
inline constexpr size_t kPeerClassCount = kPeerClasses.size();

constexpr size_t IndexOf(PeerClass peer_class) {
  return static_cast<size_t>(peer_class);
}

// "control", "entries", "bulk".
constexpr std::string_view NameOf(PeerClass peer_class) {
  constexpr std::array<std::string_view, kPeerClassCount> kNames = {
      "control", "entries", "bulk"};
  return kNames[IndexOf(peer_class)];
}

// A message, and what the core does not know of it. Copying it copies no
// content.
struct PeerMessage {
  raft::Message message;
  // One for each entry: as the sender's log holds it.
  std::vector<Payload> contents;
  Payload state;  // of message.chunk; else empty
};

// The class that `message` travels in.
inline PeerClass ClassOf(const raft::Message& message) {
  switch (message.type) {
    case raft::MessageType::kAppendRequest:
      return message.entries.empty() ? PeerClass::kControl
                                     : PeerClass::kEntries;
    case raft::MessageType::kBaseRequest:
    case raft::MessageType::kFetchResponse:
    case raft::MessageType::kRepairResponse:
      return PeerClass::kBulk;
    default:
      return PeerClass::kControl;
  }
}

// Memory that the message holds, in bytes, for budgets: its content and what
// describes it.
inline size_t CostOf(const PeerMessage& message) {
  size_t bytes = sizeof(PeerMessage) + message.state.bytes() +
                 message.message.entries.size() * sizeof(raft::EntryMeta) +
                 message.message.term_starts.size() * sizeof(raft::EntryId);
  for (const Payload& content : message.contents) {
    bytes += sizeof(Payload) + content.bytes();
  }
  return bytes;
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_MESSAGE_H_
