// Messages for the tests of what travels between nodes.
#ifndef KAPPA_TESTS_SERVER_PEER_PEER_SAMPLES_H_
#define KAPPA_TESTS_SERVER_PEER_PEER_SAMPLES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "raft/message.h"
#include "server/peer/peer_message.h"

namespace kappa::server {

// A heartbeat of the group from node `from` to node `to`; `beat` tells it from
// others.
PeerMessage Heartbeat(uint64_t from, uint64_t to, uint64_t group,
                      uint64_t beat);

// An append request with one entry of that content.
PeerMessage EntryMessage(uint64_t from, uint64_t to, uint64_t group,
                         uint64_t index, Payload content);

// Every field set that a message of the type may carry, and some it may not.
PeerMessage FullMessage(raft::MessageType type, uint64_t from, uint64_t to);
inline constexpr int kMessageTypes =
    static_cast<int>(raft::MessageType::kLeaderQuery) + 1;

// What MessageEncoder makes of it, contents and state in place.
std::string EncodeWhole(const PeerMessage& message);

// `bytes` bytes that differ from place to place.
std::string Pattern(size_t bytes);

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_PEER_PEER_SAMPLES_H_
