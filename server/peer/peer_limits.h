// The sizes that both ends of a connection between nodes rely on.
#ifndef KAPPA_SERVER_PEER_PEER_LIMITS_H_
#define KAPPA_SERVER_PEER_PEER_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace kappa::server {

// Of everything in kappa.raft.v1.
inline constexpr uint32_t kPeerProtocolVersion = 1;

// A message whose CostOf is more is never sent, and no frame whose messages
// hold more is accepted: the largest batch, a request's worth of entries before
// it and everything around them fit.
inline constexpr size_t kPeerMessageBytesMax = size_t{18} << 20;
// A frame takes a further message only while it stays below this.
inline constexpr size_t kPeerFrameBytesMax = size_t{1} << 20;
// The same for control messages, which are small: what a node says in one beat
// for all its groups is one frame. Encoded it is a tenth of that.
inline constexpr size_t kPeerControlFrameBytesMax = size_t{16} << 20;
static_assert(kPeerControlFrameBytesMax <= kPeerMessageBytesMax);
// What is left of an encoded message without content and state. Parsed, it may
// take many times its bytes.
inline constexpr size_t kPeerHeadBytesMax = size_t{512} << 10;
// What gRPC accepts: encoded, a message takes less than its cost, or at most
// its head besides its content.
inline constexpr size_t kPeerReceiveBytesMax =
    kPeerMessageBytesMax + kPeerHeadBytesMax;
static_assert(kPeerFrameBytesMax <= kPeerMessageBytesMax);
// A client's request that is passed on: the largest append.
inline constexpr size_t kPeerForwardBytesMax = size_t{17} << 20;
// What is left of a unary call without that request. Parsed, it may take many
// times its bytes.
inline constexpr size_t kPeerCallBytesMax = size_t{64} << 10;
static_assert(kPeerForwardBytesMax + kPeerCallBytesMax <= kPeerReceiveBytesMax);
// Content up to this size is copied when it is received, and any content that
// is less than this part of its frame: a reference would keep the whole frame.
// Batches of 128 KiB, as clients under load make them, are never copied.
inline constexpr size_t kPeerCopiedBytesMax = size_t{16} << 10;
inline constexpr size_t kPeerCopiedFramePart = 16;
static_assert(kPeerFrameBytesMax / kPeerCopiedFramePart <= size_t{64} << 10);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_LIMITS_H_
