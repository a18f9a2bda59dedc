// Field numbers of kappa.raft.v1 that are read and written by hand, so that
// content is passed on by reference.
#ifndef KAPPA_SERVER_PEER_PEER_WIRE_H_
#define KAPPA_SERVER_PEER_PEER_WIRE_H_

#include <cstdint>

#include "kappa/raft/v1/message.pb.h"
#include "kappa/raft/v1/peer_service.pb.h"

namespace kappa::server {

inline constexpr uint32_t kFrameHelloField =
    raft::v1::ConnectRequest::kHelloFieldNumber;
inline constexpr uint32_t kFrameMessagesField =
    raft::v1::ConnectRequest::kMessagesFieldNumber;
inline constexpr uint32_t kFrameClockField =
    raft::v1::ConnectRequest::kClockUsFieldNumber;
inline constexpr uint32_t kFrameCycleField =
    raft::v1::ConnectRequest::kCycleFieldNumber;
inline constexpr uint32_t kMessageEntriesField =
    raft::v1::Message::kEntriesFieldNumber;
inline constexpr uint32_t kMessageChunkField =
    raft::v1::Message::kChunkFieldNumber;
inline constexpr uint32_t kEntryContentField =
    raft::v1::Entry::kContentFieldNumber;
inline constexpr uint32_t kChunkStateField =
    raft::v1::BaseChunk::kStateFieldNumber;

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_WIRE_H_
